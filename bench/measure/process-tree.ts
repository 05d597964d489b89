import { execFile, execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface ProcessMemory {
  readonly id: number;
  readonly parent: number;
  /** Resident, in bytes. */
  readonly resident: number;
}

/** Resident memory of a process and everything below it, in bytes; pages that two of them share count twice. */
export async function residentBytes(root: number): Promise<number> {
  const processes = process.platform === 'linux' ? await readProc() : await readPs();
  const children = new Map<number, ProcessMemory[]>();
  for (const entry of processes) {
    const siblings = children.get(entry.parent);
    if (siblings === undefined) children.set(entry.parent, [entry]);
    else siblings.push(entry);
  }
  let bytes = processes.find(({ id }) => id === root)?.resident ?? 0;
  const open = [root];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const child of children.get(id) ?? []) {
      bytes += child.resident;
      open.push(child.id);
    }
  }
  return bytes;
}

async function readProc(): Promise<ProcessMemory[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')),
  );
  return stats.filter(Boolean).map(parseProcStat);
}

/** The command's name stands in parentheses and may hold anything; resident pages are field 24 (proc(5)). */
export function parseProcStat(stat: string): ProcessMemory {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    id: Number.parseInt(stat, 10),
    parent: Number(fields[1]),
    resident: Number(fields[21]) * pageBytes(),
  };
}

let knownPageBytes: number | undefined;

function pageBytes(): number {
  knownPageBytes ??= Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
  return knownPageBytes;
}

async function readPs(): Promise<ProcessMemory[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,rss=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [id = 0, parent = 0, kibibytes = 0] = line.trim().split(/\s+/).map(Number);
      return { id, parent, resident: kibibytes * 1024 };
    });
}
