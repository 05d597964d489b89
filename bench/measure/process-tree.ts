import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface ProcessFacts {
  readonly id: number;
  readonly parent: number;
  /** Resident, in bytes. */
  readonly resident: number;
  /** Clock ticks of it and of the children it has waited for; 0 where that isn't told. */
  readonly ticks: number;
}

/**
 * Resident memory of a process and everything below it, in bytes; pages that two of them share count twice. Where the
 * kernel tells a process's children nothing else is looked at: who measures must not take what is measured its time.
 */
export async function residentBytes(root: number): Promise<number> {
  const tree = readTree(root) ?? treeOf(await readAll(), root);
  return tree.reduce((sum, { resident }) => sum + resident, 0);
}

/** A process and all below it; undefined where the kernel was built without /proc/PID/task/TID/children (proc(5)). */
function readTree(root: number): ProcessFacts[] | undefined {
  if (!existsSync(`/proc/self/task/${process.pid}/children`)) return undefined;
  const found: ProcessFacts[] = [];
  const ids = [root];
  for (const id of ids) {
    try {
      found.push(parseProcStat(readFileSync(`/proc/${id}/stat`, 'latin1')));
      for (const thread of readdirSync(`/proc/${id}/task`)) {
        const children = readFileSync(`/proc/${id}/task/${thread}/children`, 'latin1');
        ids.push(...children.split(' ').filter(Boolean).map(Number));
      }
    } catch {
      // It, or a thread of it, has ended meanwhile
    }
  }
  return found;
}

function readAll(): Promise<ProcessFacts[]> {
  return process.platform === 'linux' ? readProc() : readPs();
}

/** User and system time of a process and everything that ran below it, in seconds; undefined where /proc isn't there. */
export async function cpuSecondsOf(root: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  return treeOf(await readProc(), root).reduce((sum, { ticks }) => sum + ticks, 0) / ticksPerSecond;
}

/** USER_HZ, the unit of /proc for every architecture that Node.js runs on (proc(5), sysconf). */
const ticksPerSecond = 100;

function treeOf(processes: readonly ProcessFacts[], root: number): ProcessFacts[] {
  const children = new Map<number, ProcessFacts[]>();
  for (const entry of processes) {
    const siblings = children.get(entry.parent);
    if (siblings === undefined) children.set(entry.parent, [entry]);
    else siblings.push(entry);
  }
  const tree = processes.filter(({ id }) => id === root);
  for (let at = 0; at < tree.length; at++) tree.push(...(children.get(tree[at]?.id ?? 0) ?? []));
  return tree;
}

async function readProc(): Promise<ProcessFacts[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')),
  );
  return stats.filter(Boolean).map(parseProcStat);
}

/** The command's name stands in parentheses and may hold anything; times are fields 14 to 17, resident pages 24 (proc(5)). */
export function parseProcStat(stat: string): ProcessFacts {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    id: Number.parseInt(stat, 10),
    parent: Number(fields[1]),
    resident: Number(fields[21]) * pageBytes(),
    ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0),
  };
}

let knownPageBytes: number | undefined;

function pageBytes(): number {
  knownPageBytes ??= Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
  return knownPageBytes;
}

async function readPs(): Promise<ProcessFacts[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,rss=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [id = 0, parent = 0, kibibytes = 0] = line.trim().split(/\s+/).map(Number);
      return { id, parent, resident: kibibytes * 1024, ticks: 0 };
    });
}
