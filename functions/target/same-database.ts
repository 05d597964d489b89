import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { SourceFacts } from '../archive/manifest.ts';
import { ReplicatorError } from '../errors/replicator-error.ts';
import { describeAddress, type PostgresAddress } from '../postgres/address.ts';
import { normalHost } from '../postgres/normal-host.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { applicationName } from './names.ts';

type Place = Pick<PostgresAddress, 'host' | 'port' | 'database'>;

/** How a probe answers; `hints` are for a person to read, they prove nothing. */
export interface Sameness {
  /** Why the target is taken for the source; undefined when it isn't. */
  readonly proof: string | undefined;
  readonly hints: readonly string[];
  /** What was compared, for a report. */
  readonly compared: string;
  /** Why a session of the source could not be looked for. */
  readonly unprobed: string | undefined;
}

/**
 * Finds out whether the target is the database that the backup came from. Addresses are compared always, as they are
 * written and as names resolve; with a connection to the source, a lock taken there and seen on the target is proof,
 * whatever the addresses say. A common system identifier proves nothing: copies of a production server have it too.
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
  const places = [manifestSource, ...(source ? [source.address] : [])];
  const same = { hints: [], compared: 'the address', unprobed: undefined };
  for (const place of places)
    if (samePlace(place, target.address))
      return { ...same, proof: `it has the source's address ${addressOf(place)}${otherMachine(place)}` };
  const identity = await readIdentity(targetSession);
  const probed = source && (await probeIfReached({ ...options, source, identity }));
  if (probed?.proof !== undefined) return { ...same, proof: probed.proof };
  // What a probe has told apart is apart, even behind one address
  if (!probed || probed.unprobed !== undefined) {
    for (const place of places)
      if (await resolvesAlike(place, target.address))
        return {
          ...same,
          proof: `its host resolves to the same address as that of the source, ${addressOf(place)}`,
        };
  }
  const clones =
    identity.systemIdentifier !== null && identity.systemIdentifier === manifestSource.systemIdentifier;
  const alike =
    clones &&
    identity.oid === String(manifestSource.databaseOid) &&
    identity.name === manifestSource.database;
  const hint = `${describeAddress(target.address)} has the source's system identifier and database OID: it is a physical copy of the source, or the source by another address.`;
  return {
    proof: undefined,
    hints: alike ? [hint] : [],
    compared: [
      'another address than the source',
      ...(probed && probed.unprobed === undefined ? ['no session of the source is found in it'] : []),
      ...(clones && !alike
        ? ["its server has the source's system identifier: the same server, or a copy of it"]
        : []),
    ].join('; '),
    unprobed: probed?.unprobed,
  };
}

function addressOf({ host, port, database }: Place): string {
  return `${host}:${port}/${database}`;
}

/** "localhost" in a manifest is the machine that the backup was made on. */
function otherMachine({ host }: Place): string {
  return normalHost(host) === 'localhost'
    ? " (if the backup was made on another machine, write this one's name instead of localhost)"
    : '';
}

/** Host, port and database are the same, by whatever name of this machine. */
export function samePlace(one: Place, other: Place): boolean {
  return normalHost(one.host) === normalHost(other.host) && sameButHost(one, other);
}

function sameButHost(one: Place, other: Place): boolean {
  return one.port === other.port && one.database === other.database;
}

/** Two names of one address. This machine's own names are left out: another machine's localhost resolves alike. */
async function resolvesAlike(one: Place, other: Place): Promise<boolean> {
  const hosts = [normalHost(one.host), normalHost(other.host)];
  if (!sameButHost(one, other) || hosts.includes('localhost')) return false;
  const [here = [], there = []] = await Promise.all(hosts.map(resolve));
  return here.some((address) => there.includes(address));
}

async function resolve(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address }) => address).filter((address) => normalHost(address) !== 'localhost');
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

/** A source that can't be reached, after a disaster say, tells nothing and stops nothing. */
async function probeIfReached(
  options: Parameters<typeof probe>[0],
): Promise<{ proof: string | undefined; unprobed: string | undefined }> {
  try {
    return { proof: await probe(options), unprobed: undefined };
  } catch (error) {
    if (!(error instanceof ReplicatorError) || error.exitCode !== 2) throw error;
    return { proof: undefined, unprobed: error.message };
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
