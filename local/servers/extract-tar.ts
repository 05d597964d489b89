import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, link, mkdir, symlink, utimes } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

/**
 * Unpacks a fixture's tar.gz: bytes, modes, times, links; owners are this process's.
 * Only for archives that this project ships: it trusts what they hold.
 * @throws TypeError for a name that leads out of the directory, or a kind of member that fixtures don't have
 */
export async function extractTar(archive: string, directory: string): Promise<void> {
  const members = extract();
  const folders: { path: string; mode: number; mtime: Date }[] = [];
  const source = createReadStream(archive);
  const unzipping = pipeline(source, createGunzip(), members);
  // Awaited below; a failure while members are read must not count as unhandled.
  unzipping.catch(() => {});
  for await (const member of members) {
    const { name, type, mode = 0o644, mtime = new Date(0), linkname = '' } = member.header;
    const path = inside(directory, name);
    await mkdir(type === 'directory' ? path : dirname(path), { recursive: true });
    if (type === 'directory') folders.push({ path, mode, mtime });
    else if (type === 'symlink') await symlink(linkname, path);
    else if (type === 'link') await link(inside(directory, linkname), path);
    else if (type === 'file') {
      await pipeline(member, createWriteStream(path));
      await chmod(path, mode);
      await utimes(path, mtime, mtime);
      continue;
    } else throw new TypeError(`${archive} holds a ${type}: ${name}`);
    member.resume();
  }
  await unzipping;
  // Last and inside out: making files changes the times of folders, and modes may forbid it.
  for (const { path, mode, mtime } of folders.reverse()) {
    await chmod(path, mode);
    await utimes(path, mtime, mtime);
  }
}

function inside(directory: string, name: string): string {
  const path = join(directory, name);
  if (relative(directory, path).startsWith('..')) throw new TypeError(`${name} leads out of ${directory}`);
  return path;
}
