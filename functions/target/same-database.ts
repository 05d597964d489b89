import { randomBytes } from 'node:crypto';
import type { SourceFacts } from '../archive/manifest.ts';
import { describeAddress, type PostgresAddress } from '../postgres/address.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { applicationName } from './names.ts';

type Place = Pick<PostgresAddress, 'host' | 'port' | 'database'>;

/** How a probe answers; `hints` are for a person to read, they prove nothing. */
export interface Sameness {
  /** Why the target is taken for the source; undefined when it isn't. */
  readonly proof: string | undefined;
  readonly hints: readonly string[];
}

/**
 * Finds out whether the target is the database that the backup came from. Addresses are compared always; with a
 * connection to the source, a lock taken there and seen on the target is proof, whatever the addresses say.
 */
export async function compareWithSource(options: {
  readonly runId: RunId;
  readonly target: Database;
  readonly targetSession: Session;
  readonly manifestSource: Pick<
    SourceFacts,
    'host' | 'port' | 'database' | 'systemIdentifier' | 'databaseOid'
  >;
  readonly source?: Database | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<Sameness> {
  const { target, targetSession, manifestSource, source } = options;
  for (const place of [manifestSource, ...(source ? [source.address] : [])]) {
    if (samePlace(place, target.address))
      return {
        proof: `it has the source's address ${place.host}:${place.port}/${place.database}`,
        hints: [],
      };
  }
  const identity = await readIdentity(targetSession);
  const proof = source && (await probe({ ...options, source, identity }));
  const alike =
    identity.systemIdentifier !== null &&
    identity.systemIdentifier === manifestSource.systemIdentifier &&
    identity.oid === String(manifestSource.databaseOid) &&
    identity.name === manifestSource.database;
  const hint = `${describeAddress(target.address)} has the source's system identifier and database OID: it is a physical copy of the source, or the source by another address.`;
  return { proof, hints: alike ? [hint] : [] };
}

function samePlace(one: Place, other: Place): boolean {
  return (
    normalHost(one.host) === normalHost(other.host) &&
    one.port === other.port &&
    one.database === other.database
  );
}

/** All ways to say "this machine" are one; a socket's directory is this machine too. */
function normalHost(host: string): string {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const local =
    bare === '' ||
    bare === 'localhost' ||
    bare === '::1' ||
    bare === '0.0.0.0' ||
    bare === '::' ||
    bare.startsWith('127.') ||
    bare.startsWith('::ffff:127.') ||
    bare.startsWith('/') ||
    bare.startsWith('@');
  return local ? 'localhost' : bare;
}

interface Identity extends Record<string, unknown> {
  readonly name: string;
  readonly oid: string;
  readonly systemIdentifier: string | null;
  readonly standby: boolean;
}

async function readIdentity(session: Session): Promise<Identity> {
  const [row] = await session.query<Identity>(
    `SELECT d.datname AS name, d.oid::text AS oid, pg_catalog.pg_is_in_recovery() AS standby
       FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()`,
  );
  if (row === undefined) throw new TypeError('pg_database has no row for the current database');
  return { ...row, systemIdentifier: await systemIdentifier(session) };
}

async function systemIdentifier(session: Session): Promise<string | null> {
  try {
    const [row] = await session.query<{ id: string }>(
      'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()',
    );
    return row?.id ?? null;
  } catch (error) {
    // A managed server may not let its users read it
    if ((error as { sqlState?: string }).sqlState === '42501') return null;
    throw error;
  }
}

/**
 * An advisory lock under a number that nobody else can guess belongs to one database of one running server: if the
 * target can't have it while the source's session holds it, they are one. The session's random application name, seen
 * in the target's database, says the same where a pooler hands out other sessions.
 */
async function probe(options: {
  readonly runId: RunId;
  readonly source: Database;
  readonly targetSession: Session;
  readonly identity: Identity;
  readonly signal?: AbortSignal | undefined;
}): Promise<string | undefined> {
  const { source, targetSession, identity } = options;
  const token = randomBytes(8);
  const lock = token.readBigInt64BE().toString();
  const name = applicationName(options.runId, 'probe', token.toString('hex'));
  const session = await source.connect({
    applicationName: name,
    ...(options.signal && { signal: options.signal }),
  });
  try {
    await session.query('SELECT pg_catalog.pg_advisory_lock($1::bigint)', [lock]);
    const [seen] = await targetSession.query<{ locked: boolean; named: boolean }>(
      `SELECT NOT pg_catalog.pg_try_advisory_lock($1::bigint) AS locked,
              EXISTS (SELECT FROM pg_catalog.pg_stat_activity
                       WHERE application_name = $2 AND datname = pg_catalog.current_database()) AS named`,
      [lock, name],
    );
    if (seen?.locked || seen?.named)
      return `a session opened at ${describeAddress(source.address)} is in the target's database`;
    await targetSession.query('SELECT pg_catalog.pg_advisory_unlock($1::bigint)', [lock]);
    return await primaryOfSource(session, identity);
  } finally {
    await session.end();
  }
}

/** A standby has sessions and locks of its own; its primary has its identifier, its OIDs and its timeline. */
async function primaryOfSource(source: Session, target: Identity): Promise<string | undefined> {
  const identity = await readIdentity(source);
  if (!identity.standby || identity.systemIdentifier === null) return undefined;
  const same =
    identity.systemIdentifier === target.systemIdentifier &&
    identity.oid === target.oid &&
    identity.name === target.name;
  return same ? 'the source is a standby, and the target has the identity of its primary' : undefined;
}
