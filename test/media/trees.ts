import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { archiveShard } from '../../functions/media/archive.ts';
import { type MediaPlan, planMedia } from '../../functions/media/plan.ts';
import { silence } from '../../functions/run/progress.ts';

export const fixture = new URL('../../fixtures/nautobot-3.1/media.tar.gz', import.meta.url).pathname;
export const quiet = { signal: new AbortController().signal, progress: silence };

/** Unpacks the media of the Nautobot 3.1 fixture; returns its directory. */
export function unpackFixture(into: string): string {
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xpf', fixture, '-C', into]);
  return `${into}/media`;
}

/** Makes a small directory with every oddity that an archive has to carry; returns its path. */
export function makeOddTree(root: string): string {
  const at = (name: string | Buffer) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name)]);
  const file = (name: string | Buffer, content: string | Buffer, mode = 0o644) => {
    writeFileSync(at(name), content);
    chmodSync(at(name), mode);
  };
  mkdirSync(root, { recursive: true });
  for (const folder of [
    'empty',
    'deep',
    'deep/er',
    'read-only',
    '-dash',
    'space and "quotes"',
    'new\nline',
  ]) {
    mkdirSync(at(folder));
  }
  mkdirSync(at(Buffer.from('n\xfcrnberg', 'latin1')));
  file('-rf', 'leading dash');
  file('-dash/--checkpoint=1', 'another');
  file('empty.txt', '');
  file('deep/er/block.bin', Buffer.alloc(512, 7));
  file('deep/er/large.bin', Buffer.alloc(3 * 1024 * 1024 + 17, 'large'));
  file('deep/run.sh', '#!/bin/sh', 0o755);
  file('deep/secret', 'for the owner', 0o600);
  file('deep/set-group', 'setgid', 0o2755);
  file('space and "quotes"/back\\slash', 'x');
  file('new\nline/tab\there', 'x');
  file('配置図 🏯.svg', 'utf-8');
  file('e\u0301.txt', 'decomposed');
  file(Buffer.from('gr\xfc\xdfe.txt', 'latin1'), 'latin1');
  file(Buffer.from('n\xfcrnberg/\xff\xfe\x01', 'latin1'), 'no text at all');
  file('y'.repeat(255), 'as long as a name may be');
  file('x'.repeat(100), 'a hundred bytes');
  file(Buffer.from('\xe4'.repeat(200), 'latin1'), 'long and no UTF-8');
  const deep = `deep/${'d'.repeat(120)}/${'e'.repeat(120)}`;
  mkdirSync(at(deep), { recursive: true });
  file(`${deep}/${'f'.repeat(60)}`, 'a path of 300 bytes');
  file('read-only/inside', 'in a folder that nothing can be added to', 0o444);
  symlinkSync('deep/run.sh', at('link'));
  symlinkSync('/nowhere/at/all', at('dangling'));
  symlinkSync(Buffer.from('gr\xfc\xdfe.txt', 'latin1'), at(Buffer.from('l\xefnk', 'latin1')));
  symlinkSync(`${'t/'.repeat(80)}end`, at('link-to-far-away'));
  symlinkSync('deep', at('link-to-folder'));
  let seconds = 1_600_000_000;
  for (const name of namesBelow(root).reverse()) {
    seconds += 86_400.125;
    lutimesSync(at(name), seconds, seconds);
  }
  utimesSync(at('-rf'), new Date(-86_400_500), new Date(-86_400_500));
  utimesSync(at('empty.txt'), 4_300_000_000, 4_300_000_000);
  chmodSync(at('read-only'), 0o555);
  chmodSync(at('empty'), 0o2775);
  chmodSync(root, 0o750);
  return root;
}

/** Every path below a directory, as bytes, in byte order; links are not followed. */
export function namesBelow(root: string, below = Buffer.alloc(0)): Buffer[] {
  const folder = below.length === 0 ? Buffer.from(root) : Buffer.concat([Buffer.from(`${root}/`), below]);
  const names: Buffer[] = [];
  for (const name of readdirSync(folder, { encoding: 'buffer' }).sort(Buffer.compare)) {
    const path = below.length === 0 ? name : Buffer.concat([below, Buffer.from('/'), name]);
    names.push(path);
    const full = Buffer.concat([Buffer.from(`${root}/`), path]);
    if (lstatSync(full).isDirectory()) names.push(...namesBelow(root, path));
  }
  return names;
}

/** What can be seen of a directory: path, kind, mode, microseconds of mtime, content or target; one line an entry. */
export function describeTree(root: string, options: { readonly rootToo?: boolean } = {}): string[] {
  const lines = namesBelow(root).map((path) => {
    const full = Buffer.concat([Buffer.from(`${root}/`), path]);
    return describeEntry(full, path.toString('latin1'));
  });
  return options.rootToo === true ? [describeEntry(Buffer.from(root), '.'), ...lines] : lines;
}

function describeEntry(full: Buffer, name: string): string {
  const facts = lstatSync(full, { bigint: true });
  const mtime = (facts.mtimeNs + 500n) / 1000n;
  const mode = (facts.mode & 0o7777n).toString(8);
  if (facts.isSymbolicLink()) {
    return `${name} link ${mtime} ${readlinkSync(full, { encoding: 'buffer' }).toString('latin1')}`;
  }
  if (facts.isDirectory()) return `${name} directory ${mode} ${mtime}`;
  const digest = createHash('sha256').update(readFileSync(full)).digest('hex');
  return `${name} file ${mode} ${mtime} ${facts.size} ${digest.slice(0, 16)}`;
}

/** The shards of a directory, each as tar members without an end. */
export async function archiveAll(
  directory: string,
  cut: { readonly shardBytes?: number; readonly shardMembers?: number } = {},
) {
  const plan = await planMedia(directory, cut);
  const shards: { bytes: Buffer; result: Awaited<ReturnType<typeof archiveShard>> }[] = [];
  for (const { members } of plan.shards) shards.push(await archiveMembers(directory, members));
  return { plan, shards };
}

export async function archiveMembers(directory: string, members: MediaPlan['shards'][0]['members']) {
  const pieces: Buffer[] = [];
  let counted = 0;
  const sink = {
    append: async (bytes: Buffer, count: number) => {
      pieces.push(bytes);
      counted += count;
    },
  };
  const result = await archiveShard(directory, members, sink, quiet);
  return { bytes: Buffer.concat(pieces), counted, pieces, result };
}

/** In pieces of odd sizes, as bytes arrive from a network. */
export async function* inPieces(bytes: Buffer, size = 60_001): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

export const endOfArchive = Buffer.alloc(1024);
