import { StatementFailed } from '../postgres/errors.ts';
import { quoteName } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { type Check, fine, refused, unknown, warning } from '../run/check.ts';
import { TargetRunsOlderCode } from './errors.ts';

/** Names of applied migrations in the order in which they were recorded, by app. */
export type AppliedMigrations = ReadonlyMap<string, readonly string[]>;

/** How the code that a target was last migrated by stands to a backup; app names, sorted. */
export interface MigrationDifference {
  /** The target has not applied the backup's newest: `dcim is at 0050_x, the backup at 0062_y`. */
  readonly behind: readonly string[];
  /** The target has applied more. */
  readonly ahead: readonly string[];
  /** Apps of the backup that the target does not know. */
  readonly unknown: readonly string[];
}

/**
 * Nautobot does not notice when a database is newer than its code: it says "no planned migrations" and starts. The other
 * way round is normal: `migrate` brings the restored database up to newer code.
 * @param allowOlder a person said `--allow-older-code`
 */
export async function checkMigrations(
  session: Session,
  backup: Readonly<Record<string, string>> | null,
  allowOlder: boolean,
): Promise<Check[]> {
  const name = 'migrations';
  if (backup === null) return [fine(name, 'the backup is not of a Django database')];
  const applied = await readMigrations(session);
  if (applied === undefined)
    return [
      unknown(name, 'the role may not read django_migrations of the target, so versions are not compared'),
    ];
  if (applied.size === 0)
    return [unknown(name, 'the target has no django_migrations, so versions are not compared')];
  const { behind, ahead, unknown: apps } = compareMigrations(backup, applied);
  const checks: Check[] = [];
  if (behind.length > 0) checks.push(older(behind, allowOlder));
  else
    checks.push(
      fine(
        name,
        ahead.length > 0
          ? `the target's code is newer (${few(ahead)}): run nautobot-server migrate (or post_upgrade) after the restore`
          : `the target knows all migrations of the backup's ${Object.keys(backup).length} apps`,
      ),
    );
  if (apps.length > 0)
    checks.push(
      warning(
        name,
        `apps of the backup that the target does not have: ${few(apps)}; their tables are restored, nobody there uses them`,
      ),
    );
  return checks;
}

/** Compares each app's newest migration of a backup with all that a target has applied. */
export function compareMigrations(
  backup: Readonly<Record<string, string>>,
  target: AppliedMigrations,
): MigrationDifference {
  const behind: string[] = [];
  const ahead: string[] = [];
  const unknown: string[] = [];
  for (const [app, newest] of Object.entries(backup).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const applied = target.get(app);
    const last = applied?.at(-1);
    if (!applied || last === undefined) unknown.push(app);
    // Newer code may know a squashed migration under another name
    else if (!applied.includes(newest) && !(highest(applied) > number(newest)))
      behind.push(`${app} is at ${last}, the backup at ${newest}`);
    else if (last !== newest) ahead.push(app);
  }
  return { behind, ahead, unknown };
}

function older(behind: readonly string[], allowed: boolean): Check {
  const message = `the target's code is older than the backup: ${few(behind)}. Nautobot would not notice and start on a database that it does not know`;
  if (allowed) return warning('migrations', message);
  return refused(
    'migrations',
    new TargetRunsOlderCode(`${message}; update the target first, or say --allow-older-code`),
  );
}

/** Django numbers its migrations; -1 where a name has no number. */
function number(name: string): number {
  return Number(/^(\d+)_/.exec(name)?.[1] ?? -1);
}

function highest(names: readonly string[]): number {
  return names.reduce((most, name) => Math.max(most, number(name)), -1);
}

const shown = 5;

function few(names: readonly string[]): string {
  const more = names.length > shown ? ` and ${names.length - shown} more` : '';
  return `${names.slice(0, shown).join('; ')}${more}`;
}

/** @returns undefined when there is such a table and the role may not read it; of several the one in `public` */
async function readMigrations(session: Session): Promise<AppliedMigrations | undefined> {
  const [table] = await session.query<{ schema: string }>(
    `SELECT n.nspname AS schema
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relname = 'django_migrations' AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
      ORDER BY n.nspname <> 'public', n.nspname COLLATE "C" LIMIT 1`,
  );
  if (!table) return new Map();
  try {
    const rows = await session.query<{ app: string; names: string[] }>(
      `SELECT app::text AS app, pg_catalog.json_agg(name ORDER BY id) AS names
         FROM ${quoteName(table.schema, 'django_migrations')} GROUP BY app`,
    );
    return new Map(rows.map(({ app, names }) => [app, names]));
  } catch (error) {
    // Not ours to read, or a table of that name that is not Django's
    if (error instanceof StatementFailed && /^42/.test(error.sqlState)) return undefined;
    throw error;
  }
}
