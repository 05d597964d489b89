import { isLoopback, type Login } from './parse-url.ts';

const unknownAuthority = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Of a TLS connection that could not be made: what is wrong and what to do; undefined where it wasn't about TLS. */
export function explainTls(code: string, said: string, login: Login): string | undefined {
  const unverified =
    login.iam || isLoopback(login.address.host) ? '' : ', or sslmode=require to encrypt without verifying';
  if (unknownAuthority.has(code))
    return `the server's certificate is signed by an authority that is not trusted here (${said}); give sslrootcert=FILE in the URL${unverified}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the server's certificate is for another host (${said}); use the name that the certificate has${unverified}`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `the server's certificate is out of date (${said}); renew it there, or check this machine's clock`;
  if (/does not support SSL/i.test(said))
    return `the server speaks no TLS (${said}); turn it on there${login.iam ? '' : ', or say sslmode=disable in the URL'}`;
  if (/SSL|TLS|certificate|self.signed/i.test(`${code} ${said}`))
    return `the TLS connection failed (${said}); give sslrootcert=FILE in the URL${unverified}`;
  return undefined;
}
