import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import type { RunOwner } from '../functions/run/owner.ts';

type ProcessOwner = Extract<RunOwner, { kind: 'process' }>;

/** This process, as locks and run records name it. */
export async function thisProcess(): Promise<ProcessOwner> {
  return {
    kind: 'process',
    host: hostname(),
    bootId: await bootId(),
    pid: process.pid,
    startedAt: (await lookUp(process.pid)).startedAt ?? 'unknown',
  };
}

/**
 * Does the process that wrote a lock still run? undefined for what can't be seen from here: a process of another host
 * or of another container (its process ids are its own). An execution on AWS counts as running.
 */
export async function isProcessAlive(owner: RunOwner): Promise<boolean | undefined> {
  if (owner.kind !== 'process') return true;
  if (owner.host !== hostname() || owner.bootId !== (await bootId())) return undefined;
  const found = await lookUp(owner.pid);
  if (!found.runs) return false;
  return found.startedAt === undefined || found.startedAt === owner.startedAt;
}

/** Of the running kernel and, on Linux, of the namespace that process ids are counted in. */
async function bootId(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => undefined);
  if (boot === undefined) return darwinBoot();
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${boot.trim()}${namespace && ` ${namespace}`}`;
}

/** Where there is neither, start times are calendar times and tell processes apart by themselves. */
async function darwinBoot(): Promise<string> {
  const answer = await run('sysctl', ['-n', 'kern.bootsessionuuid']);
  return answer || 'unknown';
}

/** `startedAt` undefined: the process is there, but when it started can't be seen. */
async function lookUp(pid: number): Promise<{ runs: boolean; startedAt?: string }> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: there is one, of another user
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return { runs: false };
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat !== undefined) return fromStat(stat);
  const started = await run('ps', ['-o', 'lstart=', '-p', String(pid)]);
  return started ? { runs: true, startedAt: started } : { runs: true };
}

/**
 * proc(5): field 2 is the command's name in parentheses and may hold anything, field 3 the state (Z: ended, not yet
 * waited for; X: dead), field 22 the start in clock ticks since boot.
 */
function fromStat(stat: string): { runs: boolean; startedAt?: string } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startedAt = fields[19];
  const runs = fields[0] !== 'Z' && fields[0] !== 'X';
  return startedAt === undefined ? { runs } : { runs, startedAt };
}

async function run(file: string, args: string[]): Promise<string> {
  const answer = await promisify(execFile)(file, args, {
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  }).catch(() => undefined);
  return answer?.stdout.trim() ?? '';
}
