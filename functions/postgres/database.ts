import { connect } from './connect.ts';
import { parseDatabaseUrl } from './parse-url.ts';
import { urlOfSecret } from './secret.ts';
import type { Database } from './session.ts';

/**
 * Reads a URL (`postgres://…` or `secretsmanager://…`) into a place where sessions come from; opens none.
 * @param option what the URL came from, for messages
 * @throws BadDatabaseUrl, SecretUnusable
 */
export async function openDatabase(url: string, option = 'the database URL'): Promise<Database> {
  const login = parseDatabaseUrl(url.startsWith('secretsmanager://') ? await urlOfSecret(url) : url, option);
  return { address: login.address, connect: (options) => connect(login, options) };
}
