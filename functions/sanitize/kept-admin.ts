import { quoteName } from '../postgres/quote.ts';
import type { Database } from '../postgres/session.ts';
import type { Rebuild } from '../target/rebuild.ts';
import { withLoader } from '../target/sessions.ts';
import { AdminMissing } from './errors.ts';

/** @throws AdminMissing when nobody could log in as the user that a profile keeps */
export async function checkKeptAdmin(
  target: Database,
  rebuild: Rebuild,
  users: { readonly schema: string; readonly name: string },
  username: string,
  signal: AbortSignal,
): Promise<void> {
  const sessions = { part: 'admin', asOwner: false, signal };
  await withLoader(target, rebuild, sessions, async (session) => {
    const [found] = await session.query<{ active: boolean }>(
      `SELECT is_active AND is_superuser AS active FROM ${quoteName(users.schema, users.name)} WHERE username = $1`,
      [username],
    );
    if (found?.active) return;
    throw new AdminMissing(
      `--keep-admin (keep_admin): the backup has no active superuser called ${JSON.stringify(username)}, so that nobody could log in; name another, or make one with --staging-admin`,
    );
  });
}
