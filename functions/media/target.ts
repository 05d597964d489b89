import { randomBytes } from 'node:crypto';
import { access, constants, lstat, mkdir, readdir, readFile, realpath, rmdir } from 'node:fs/promises';
import { MediaNotWritable, systemCode } from './errors.ts';
import { isOwnName, join, printable } from './path.ts';
import { isLostAndFound, mustBeDirectory } from './scan.ts';

/** The names in a media directory that a switch-over replaces, in the order of their bytes. */
export async function entriesOf(media: Buffer): Promise<Buffer[]> {
  const names = await readdir(media, { encoding: 'buffer' });
  const wanted: Buffer[] = [];
  for (const name of names.sort(Buffer.compare)) {
    if (isOwnName(name)) continue;
    if (name.equals(Buffer.from('lost+found')) && isLostAndFound(name, await lstat(join(media, name))))
      continue;
    wanted.push(name);
  }
  return wanted;
}

/**
 * Can the entries of this directory be swapped? Found out before anything is built; leaves nothing behind.
 * @throws MediaDirectoryMissing, MediaNotWritable (naming the entry that stands in the way), MediaUnreadable
 */
export async function checkMediaTarget(media: string): Promise<void> {
  const root = Buffer.from(media);
  const facts = await mustBeDirectory(media);
  await tryWriting(root);
  const mounted = await mountedBelow(root);
  const self = process.getuid?.();
  const sticky = (facts.mode & 0o1000) !== 0 && facts.uid !== self;
  for (const name of await entriesOf(root)) {
    const path = join(root, name);
    const entry = await lstat(path);
    if (entry.dev !== facts.dev || mounted.has(name.toString('latin1'))) {
      throw refusal(path, 'is a mount of its own: unmount it or let media be elsewhere');
    }
    if (self === 0) continue;
    if (sticky && entry.uid !== self) throw refusal(path, 'belongs to another user in a sticky directory');
    if (entry.isDirectory() && entry.uid !== self && !(await writable(path))) {
      throw refusal(
        path,
        'belongs to another user and is not writable: a folder must be writable to be moved',
      );
    }
  }
}

function refusal(path: Buffer, why: string): MediaNotWritable {
  return new MediaNotWritable(`media cannot be switched over, because ${printable(path)} ${why}`);
}

async function tryWriting(root: Buffer): Promise<void> {
  const probe = join(root, `.replicator-check-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(probe, { mode: 0o700 });
    await rmdir(probe);
  } catch (error) {
    throw new MediaNotWritable(
      `nothing can be written in the media directory ${printable(root)} (${systemCode(error)}): run as its owner, or mount it writable`,
      { cause: error },
    );
  }
}

async function writable(path: Buffer): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function mountedBelow(root: Buffer): Promise<Set<string>> {
  const table = await readFile('/proc/self/mountinfo', 'latin1').catch(() => '');
  return mountPointsBelow(table, await realpath(root, { encoding: 'buffer' }));
}

/**
 * Names (latin1) directly below `root` that are mount points, of a table as in proc(5), mountinfo. Needed beside
 * device numbers, because a bind mount from the same file system has the same one.
 */
export function mountPointsBelow(table: string, root: Buffer): Set<string> {
  const above = `${root.toString('latin1')}/`;
  const points = table.split('\n').map((line) => line.split(' ')[4] ?? '');
  const names = points
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((point) => point.startsWith(above))
    .map((point) => point.slice(above.length));
  return new Set(names.filter((name) => !name.includes('/')));
}
