import { describeAddress } from './address.ts';
import { IamTokenFailed } from './errors.ts';
import type { Login } from './parse-url.ts';

/**
 * A password for one connection, signed with the AWS credentials in use: RDS takes it for 15 minutes, a session goes
 * on after that (Amazon RDS user guide, "IAM database authentication"). Nothing is asked of the network for it.
 * @throws IamTokenFailed
 */
export async function iamToken({ address, iamRegion }: Login): Promise<string> {
  const { Signer } = await import('@aws-sdk/rds-signer');
  const { host, port, user } = address;
  try {
    const signer = new Signer({
      hostname: host,
      port,
      username: user,
      ...(iamRegion !== undefined && { region: iamRegion }),
    });
    return await signer.getAuthToken();
  } catch (cause) {
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new IamTokenFailed(
      `${describeAddress(address)}: no token for IAM authentication could be signed (${why}); check the AWS credentials, and the region (?region=… in the URL)`,
      { cause },
    );
  }
}
