import { stat, statfs } from 'node:fs/promises';
import { StatementFailed } from '../postgres/errors.ts';
import { normalHost } from '../postgres/normal-host.ts';
import type { Database, Session } from '../postgres/session.ts';
import { type Check, fine, refused, unknown, warning } from '../run/check.ts';
import { sizeText } from '../run/size-text.ts';
import { TargetUnfit } from './errors.ts';

/** Rows that compress well take less on disk than they do as text; hardly ever less than this share. */
const leastShare = 0.25;

/**
 * Is there room for a second database on the server's disk? PostgreSQL has no function that says so, and a program run
 * on the server (COPY … FROM PROGRAM) is nothing to begin with unasked; so only a server of this machine is looked at,
 * when its directory is provably the one that the server writes to.
 * @param textBytes of the rows to be loaded: with indexes they take about as much on disk
 * @param anyway a person said `--ignore-disk-space`
 */
export async function checkDiskRoom(
  session: Session,
  { address }: Pick<Database, 'address'>,
  textBytes: number,
  anyway: boolean,
): Promise<Check> {
  const name = 'disk';
  const free = await freeBytes(session, address.host);
  const needs = `about ${sizeText(textBytes)} are needed`;
  if (typeof free === 'string')
    return unknown(name, `how much room the server's disk has is unknown: ${free}; ${needs}`);
  const message = `${sizeText(free)} are free on the server's disk, ${needs}`;
  if (free >= textBytes) return fine(name, message);
  if (free >= textBytes * leastShare || anyway) return warning(name, message);
  return refused(name, new TargetUnfit(`${message}: free some, or say --ignore-disk-space`));
}

/** @returns why it can't be known, in words */
async function freeBytes(session: Session, host: string): Promise<number | string> {
  if (normalHost(host) !== 'localhost')
    return 'the server is on another machine and has no function that tells';
  const where = await directoryOf(session);
  if (!where) return "the role may not see the server's directory";
  try {
    const here = await stat(where.path);
    // A container's directory may bear the name of one here
    if (Math.floor(here.mtimeMs / 1000) !== where.changedAt)
      return 'its directory is not one of this machine';
    const system = await statfs(where.path);
    return system.bavail * system.bsize;
  } catch {
    return "the server's directory can't be looked at from here";
  }
}

async function directoryOf(session: Session): Promise<{ path: string; changedAt: number } | undefined> {
  try {
    const [row] = await session.query<{ path: string; changed: string }>(
      `SELECT d.path, pg_catalog.floor(EXTRACT(EPOCH FROM (pg_catalog.pg_stat_file(d.path)).modification))::bigint::text AS changed
         FROM (SELECT coalesce(nullif(pg_catalog.pg_tablespace_location(b.dattablespace), ''),
                               pg_catalog.current_setting('data_directory')) AS path
                 FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database()) d`,
    );
    return row && { path: row.path, changedAt: Number(row.changed) };
  } catch (error) {
    // insufficient_privilege
    if (error instanceof StatementFailed && error.sqlState === '42501') return undefined;
    throw error;
  }
}
