import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { quoteIdentifier, quoteLiteral } from '../../functions/postgres/quote.ts';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { loadNautobot } from '../../local/servers/nautobot-fixture.ts';

/** Databases with a Nautobot in it; loaded once for the whole test run when the first test asks, owned by `nautobot`. */
export type TemplateName = 'nautobot_31' | 'nautobot_16';

export interface FreshDatabaseOptions {
  /** Begin of the name, which is made unique; may be odd (quotes, spaces, capitals). */
  readonly name?: string;
  readonly template?: TemplateName;
  /** A role that exists; the superuser by default, `nautobot` for a template's copy. */
  readonly owner?: string;
  /** More of CREATE DATABASE, such as `TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc`. */
  readonly create?: string;
}

export interface FreshDatabase {
  readonly name: string;
  /** As superuser. */
  readonly url: string;
  urlAs(role: FreshRole): string;
  /** Ends its sessions and drops it; when it is gone already (renamed, replaced), nothing. */
  drop(): Promise<void>;
}

export interface FreshRole {
  readonly name: string;
  readonly password: string;
}

/** `postgresql://…` of the shared server, as superuser by default. */
export function serverUrl(database: string, role?: FreshRole): string {
  const { host, port, superuser, password } = inject('servers').postgres;
  const user = encodeURIComponent(role?.name ?? superuser);
  const secret = encodeURIComponent(role?.password ?? password);
  return `postgresql://${user}:${secret}@${host}:${port}/${encodeURIComponent(database)}`;
}

/** A session of the superuser; the caller ends it. */
export async function superuserSession(database = 'postgres'): Promise<Session> {
  return (await superuserDatabase(database)).connect({ applicationName: 'test' });
}

function superuserDatabase(database: string): Promise<Database> {
  return openDatabase(serverUrl(database));
}

/** Makes an empty database, or a copy of a Nautobot (about a third of a second). */
export async function freshDatabase(options: FreshDatabaseOptions = {}): Promise<FreshDatabase> {
  const name = `${options.name ?? 'test'}_${randomBytes(4).toString('hex')}`;
  const session = await superuserSession();
  try {
    if (options.template !== undefined) await makeTemplate(session, options.template);
    const owner = options.owner ?? (options.template === undefined ? undefined : 'nautobot');
    const clauses = [
      `CREATE DATABASE ${quoteIdentifier(name)}`,
      options.template === undefined
        ? ''
        : `TEMPLATE ${quoteIdentifier(options.template)} STRATEGY file_copy`,
      owner === undefined ? '' : `OWNER ${quoteIdentifier(owner)}`,
      options.create ?? '',
    ];
    await session.execute(clauses.join(' '));
  } finally {
    await session.end();
  }
  return {
    name,
    url: serverUrl(name),
    urlAs: (role) => serverUrl(name, role),
    drop: () => dropDatabase(name),
  };
}

async function dropDatabase(name: string): Promise<void> {
  const session = await superuserSession();
  try {
    await session.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
  } finally {
    await session.end();
  }
}

/** Test files run at the same time: an advisory lock lets one of them load it while the others wait. */
async function makeTemplate(session: Session, template: TemplateName): Promise<void> {
  await session.query(`SELECT pg_advisory_lock(hashtext('replicator test templates'))`);
  try {
    const [found] = await session.query(`SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate`, [
      template,
    ]);
    if (found !== undefined) return;
    const [role] = await session.query(`SELECT 1 FROM pg_roles WHERE rolname = 'nautobot'`);
    if (role === undefined) await session.execute('CREATE ROLE nautobot');
    await session.execute(`DROP DATABASE IF EXISTS ${template}`);
    await session.execute(`CREATE DATABASE ${template} OWNER nautobot`);
    await loadNautobot(
      await superuserDatabase(template),
      template === 'nautobot_31' ? 'nautobot-3.1' : 'nautobot-1.6',
    );
    // Nobody may connect from now on: CREATE DATABASE … TEMPLATE would fail.
    await session.execute(`ALTER DATABASE ${template} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  } finally {
    await session.query(`SELECT pg_advisory_unlock(hashtext('replicator test templates'))`);
  }
}

export interface FreshRoleOptions {
  readonly name?: string;
  readonly createdb?: boolean;
  readonly superuser?: boolean;
  /** Made up by default. */
  readonly password?: string;
  /** Roles that it becomes a member of. */
  readonly memberOf?: readonly string[];
}

/** Makes a role that may log in; not a superuser unless asked for. */
export async function freshRole(options: FreshRoleOptions = {}): Promise<FreshRole> {
  const name = `${options.name ?? 'role'}_${randomBytes(4).toString('hex')}`;
  const password = options.password ?? randomBytes(9).toString('base64url');
  const session = await superuserSession();
  try {
    await session.execute(
      `CREATE ROLE ${quoteIdentifier(name)} LOGIN PASSWORD ${quoteLiteral(password)}
       ${options.createdb ? 'CREATEDB' : ''} ${options.superuser ? 'SUPERUSER' : ''}`,
    );
    for (const group of options.memberOf ?? []) {
      await session.execute(`GRANT ${quoteIdentifier(group)} TO ${quoteIdentifier(name)}`);
    }
  } finally {
    await session.end();
  }
  return { name, password };
}
