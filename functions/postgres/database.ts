import { connect } from './connect.ts';
import { LoginRefused } from './errors.ts';
import { type Login, parseDatabaseUrl } from './parse-url.ts';
import { urlOfSecret } from './secret.ts';
import { secretScheme } from './secret-text.ts';
import type { Database } from './session.ts';

/**
 * Reads a URL (`postgres://…`, `postgres-iam://…` or `secretsmanager://…`) into a place where sessions come from; opens
 * none. A secret is read again when its login is refused: it may have been rotated in the middle of a run.
 * @param option what the URL came from, for messages
 * @throws BadDatabaseUrl, SecretUnusable
 */
export async function openDatabase(url: string, option = 'the database URL'): Promise<Database> {
  if (!url.startsWith(secretScheme)) {
    const login = parseDatabaseUrl(url, option);
    return { address: login.address, connect: (options) => connect(login, options) };
  }
  const read = async (): Promise<Login> => parseDatabaseUrl(await urlOfSecret(url), option);
  let login = await read();
  const { address } = login;
  return {
    address,
    connect: async (options) => {
      try {
        return await connect(login, options);
      } catch (error) {
        if (!(error instanceof LoginRefused)) throw error;
        const now = await read();
        const same = now.password === login.password && now.address.user === login.address.user;
        login = now;
        if (same) throw error;
        return connect(login, options);
      }
    },
  };
}
