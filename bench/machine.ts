import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { arch, cpus, release, type as systemType, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { findProgram } from '../local/servers/find-program.ts';
import { settings } from './servers/postgres.ts';
import type { BenchServers } from './servers/servers.ts';

const run = promisify(execFile);

export interface MachineDescription {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Of the programs that took part: name to version. */
  readonly versions: Readonly<Record<string, string>>;
  readonly postgresSettings: Readonly<Record<string, string>>;
}

export async function describeMachine(servers: BenchServers): Promise<MachineDescription> {
  const versions: Record<string, string> = {
    'PostgreSQL servers': servers.serverVersion,
    'S3 server': servers.store.kind,
    Node: process.version,
  };
  for (const program of ['pg_dump', 'pgcopydb', 'aws', 'zstd']) {
    const version = await versionOf(program, servers.environment);
    if (version !== undefined) versions[program] = version;
  }
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${await distribution()}${systemType()} ${release()} ${arch()}`,
    versions,
    postgresSettings: { fsync: 'off', ...settings },
  };
}

async function versionOf(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if ((await findProgram(program)) === undefined) return undefined;
  try {
    const { stdout, stderr } = await run(program, ['--version'], { env });
    return /\d+(\.\d+)+[-\w]*/.exec(stdout || stderr)?.[0] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

async function distribution(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(text)?.[1];
  return name === undefined ? '' : `${name}, `;
}

/** The project's commit, with `+` where files differ from it. */
export async function commit(): Promise<string> {
  try {
    const { stdout: id } = await run('git', ['rev-parse', '--short', 'HEAD']);
    const { stdout: changes } = await run('git', [
      'status',
      '--porcelain',
      '--',
      'functions',
      'local',
      'cli',
      // Servers are not what is measured.
      ':!local/servers',
    ]);
    return id.trim() + (changes.trim() === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
