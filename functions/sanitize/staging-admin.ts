import { createHash, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { quoteLiteral } from '../postgres/quote.ts';

const derive = promisify(pbkdf2);

/** Those of Django 4.2; a login with another number makes Django hash anew. */
const iterations = 600_000;
/** Setting of the session that statements find the hash in: no statement and no log shows it. */
const hashSetting = 'replicator.admin_password';

/**
 * A user that may do everything in staging: made, or changed where the name is taken.
 * @param about what makes salt and id the run's own, and the same each time it is asked
 */
export async function stagingAdmin(
  name: string,
  password: string,
  about: { readonly runId: string; readonly table: string; readonly time: string },
): Promise<{ readonly statements: string[]; readonly settings: Readonly<Record<string, string>> }> {
  const { runId, table, time } = about;
  const bytes = createHash('sha256')
    .update(JSON.stringify(['staging admin', runId, name]))
    .digest();
  const username = quoteLiteral(name);
  const hash = `pg_catalog.current_setting('${hashSetting}')`;
  return {
    settings: { [hashSetting]: await passwordHash(password, bytes.toString('hex', 0, 11)) },
    statements: [
      `UPDATE ${table} SET password = ${hash}, is_superuser = true, is_staff = true, is_active = true
        WHERE username = ${username}`,
      `INSERT INTO ${table} (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                             date_joined, config_data)
       SELECT ${quoteLiteral(uuidOf(bytes.subarray(16)))}, ${hash}, true, ${username}, '', '', '', true, true,
              ${quoteLiteral(time)}, '{}'
        WHERE NOT EXISTS (SELECT FROM ${table} WHERE username = ${username})`,
    ],
  };
}

/** As Django writes it (django.contrib.auth.hashers, PBKDF2PasswordHasher). */
export async function passwordHash(password: string, salt: string): Promise<string> {
  const key = await derive(password, salt, iterations, 32, 'sha256');
  return `pbkdf2_sha256$${iterations}$${salt}$${key.toString('base64')}`;
}

/** RFC 9562, version 8: made of other data. */
function uuidOf(bytes: Buffer): string {
  const copy = Buffer.from(bytes);
  copy[6] = ((copy[6] ?? 0) & 0x0f) | 0x80;
  copy[8] = ((copy[8] ?? 0) & 0x3f) | 0x80;
  const hex = copy.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
