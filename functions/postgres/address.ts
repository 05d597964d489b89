/** Where a database is, without its password; safe to print and to write into a manifest. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** `user@host:port/database` */
export function describeAddress(address: PostgresAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `${address.user}@${host}:${address.port}/${address.database}`;
}
