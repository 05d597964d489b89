import { errorOf } from '../errors/replicator-error.ts';

export class BadDatabaseUrl extends errorOf({
  code: 'BadDatabaseUrl',
  exitCode: 2,
  meaning:
    'A PostgreSQL URL is malformed; write postgres://user@host:5432/database, or postgres-iam://… for IAM authentication.',
}) {}

export class ServerUnreachable extends errorOf({
  code: 'ServerUnreachable',
  exitCode: 2,
  meaning:
    'No PostgreSQL server answers at the address: check host, port, security groups, and that it has started.',
}) {}

export class LoginRefused extends errorOf({
  code: 'LoginRefused',
  exitCode: 2,
  meaning:
    'The server refused the login: wrong password, unknown role, or no entry in pg_hba.conf for it. Passwords come from the URL, PGPASSWORD or .pgpass.',
}) {}

export class IamTokenFailed extends errorOf({
  code: 'IamTokenFailed',
  exitCode: 2,
  meaning:
    'The token for IAM database authentication could not be signed: there are no AWS credentials, or no region is known.',
}) {}

export class DatabaseMissing extends errorOf({
  code: 'DatabaseMissing',
  exitCode: 2,
  meaning: 'The server has no database of that name: check the end of the URL, or create it first.',
}) {}

export class TlsFailed extends errorOf({
  code: 'TlsFailed',
  exitCode: 2,
  meaning:
    'The TLS connection could not be made or the certificate not be verified; the message says whether the authority, the name or the date is wrong. Trusted are the public roots, those in NODE_EXTRA_CA_CERTS and those of Amazon RDS: give sslrootcert=FILE for others, or say sslmode=require (encrypted, not verified) or sslmode=disable in the URL.',
}) {}

export class ServerBusy extends errorOf({
  code: 'ServerBusy',
  exitCode: 1,
  meaning: 'The server has no free connection: use fewer --jobs, or raise max_connections.',
}) {}

export class ConnectionLost extends errorOf({
  code: 'ConnectionLost',
  exitCode: 1,
  meaning:
    'The connection to PostgreSQL ended in the middle of the work: the server restarted, or someone ended the session.',
}) {}

/** A statement that the server refused; `sqlState` is PostgreSQL's (Appendix A of its manual). */
export class StatementFailed extends errorOf({
  code: 'StatementFailed',
  exitCode: 1,
  meaning: 'PostgreSQL refused a statement; the message carries its own words and names the object.',
}) {
  readonly sqlState: string;
  /** 1-based character in the statement's text, where the server gave one. */
  readonly position: number | undefined;

  constructor(
    message: string,
    sqlState: string,
    options?: { cause?: unknown; position?: number | undefined },
  ) {
    super(message, options);
    this.sqlState = sqlState;
    this.position = options?.position;
  }
}
