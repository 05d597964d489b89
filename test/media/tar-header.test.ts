import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediaDamaged } from '../../functions/media/errors.ts';
import { type TarMember, tarHeader, tarPadding } from '../../functions/media/tar-header.ts';
import { type ReadMember, readMembers } from '../../functions/media/tar-members.ts';
import { inPieces } from './trees.ts';

const name = fc
  .uint8Array({ minLength: 1, maxLength: 120 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x41 : byte))))
  .filter((bytes) => !['.', '..'].includes(bytes.toString('latin1')));
const path = fc
  .array(name, { minLength: 1, maxLength: 4 })
  .map((names) => Buffer.from(names.map((part) => part.toString('latin1')).join('/'), 'latin1'));
const member: fc.Arbitrary<{ member: TarMember; content: Buffer }> = fc
  .record({
    path,
    kind: fc.constantFrom('file' as const, 'directory' as const, 'symlink' as const),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 4_294_967_294 }),
    gid: fc.integer({ min: 0, max: 4_294_967_294 }),
    mtime: fc.oneof(
      fc.bigInt({ min: -(10n ** 18n), max: 10n ** 19n }),
      fc.bigInt({ min: -(10n ** 9n), max: 10n ** 10n }).map((seconds) => seconds * 10n ** 9n),
    ),
    target: path,
    content: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  })
  .map(({ target, content, ...rest }) => {
    const bytes = rest.kind === 'file' ? content : Buffer.alloc(0);
    return {
      member: { ...rest, size: bytes.length, ...(rest.kind === 'symlink' && { target }) },
      content: bytes,
    };
  });

describe('a tar header', () => {
  it('is read back as it was written, whatever the bytes of the names, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { maxLength: 6 }),
        fc.integer({ min: 1, max: 3000 }),
        async (members, size) => {
          const archive = Buffer.concat(
            members.flatMap(({ member, content }) => [
              tarHeader(member),
              content,
              tarPadding(content.length),
            ]),
          );
          expect(await readAll(archive, size)).toEqual(
            members.map(({ member, content }) => ({
              path: `${member.path.toString('latin1')}${member.kind === 'directory' ? '/' : ''}`,
              kind: member.kind,
              mode: member.mode,
              size: content.length,
              mtime: inSeconds(member.mtime),
              target: member.target?.toString('latin1') ?? '',
              content: content.toString('hex'),
            })),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('names what GNU tar lists, byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(path, { minLength: 1, maxLength: 8 }), async (paths) => {
        const blocks = paths.map((path) => tarHeader({ ...plain, path }));
        const listed = spawnSync('tar', ['--quoting-style=literal', '--show-transformed', '-tPf', '-'], {
          input: Buffer.concat([...blocks, Buffer.alloc(1024)]),
        });
        expect(listed.stderr.toString()).toBe('');
        expect(listed.stdout.toString('latin1')).toBe(
          paths.map((path) => `${path.toString('latin1')}\n`).join(''),
        );
      }),
      { numRuns: 40 },
    );
  });

  it.each([-1, -1_953_125, 0])('carries the whole second %d to GNU tar and back', async (seconds) => {
    const block = tarHeader({ ...plain, path: Buffer.from('old'), mtime: BigInt(seconds) * 10n ** 9n });
    const [read] = await readAll(block, 512);
    expect(read?.mtime).toBe(seconds);
    const listed = spawnSync('tar', ['--utc', '--full-time', '-tvf', '-'], { input: block });
    const time = new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 19);
    expect(listed.stdout.toString()).toContain(` ${time} `);
  });

  it('carries sizes of 8 GiB and more', async () => {
    const size = 9 * 1024 ** 3 + 1;
    const block = tarHeader({ ...plain, path: Buffer.from('huge'), size });
    expect(block).toHaveLength(512);
    const listed = spawnSync('tar', ['-tvf', '-'], { input: block });
    expect(listed.stdout.toString()).toContain(` ${size} `);
    for await (const read of readMembers(inPieces(block))) {
      expect(read.size).toBe(size);
      break;
    }
  });
});

describe('reading members', () => {
  it('calls an archive that ends inside a member damaged', async () => {
    const content = Buffer.alloc(5000, 'x');
    const archive = Buffer.concat([
      tarHeader({ ...plain, path: Buffer.from('a'), size: 5000 }),
      content,
      tarPadding(5000),
    ]);
    for (const length of [1, 100, 511, 513, 4000, archive.length - 1]) {
      await expect(readAll(archive.subarray(0, length), 700)).rejects.toThrow(MediaDamaged);
    }
  });

  it('calls what is no tar damaged, and a header with a flipped bit', async () => {
    await expect(readAll(Buffer.alloc(2048, 'x'), 512)).rejects.toThrow(MediaDamaged);
    const block = tarHeader({ ...plain, path: Buffer.from('a') });
    block[3] = 0x40;
    await expect(readAll(block, 512)).rejects.toThrow(MediaDamaged);
  });

  it('refuses members of kinds that no backup writes', async () => {
    const block = tarHeader({ ...plain, path: Buffer.from('a') });
    for (const type of ['1', '3', '4', '6']) {
      const other = Buffer.from(block);
      other.write(type, 156, 'latin1');
      const sum = [...other.fill(' ', 148, 156)].reduce((total, byte) => total + byte, 0);
      other.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      await expect(readAll(other, 512)).rejects.toThrow(MediaDamaged);
    }
  });

  it('passes on what the source throws, also in the middle of a content', async () => {
    const head = tarHeader({ ...plain, path: Buffer.from('a'), size: 5000 });
    async function* failing() {
      yield head;
      yield Buffer.alloc(600);
      throw new Error('connection reset');
    }
    await expect(collect(failing())).rejects.toThrow('connection reset');
  });

  it('ends the source when the reader leaves', async () => {
    let ended = false;
    async function* endless() {
      try {
        for (let i = 0; ; i += 1) yield tarHeader({ ...plain, path: Buffer.from(`${i}`) });
      } finally {
        ended = true;
      }
    }
    for await (const _ of readMembers(endless())) break;
    expect(ended).toBe(true);
  });
});

const plain = { kind: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0n } as const;

/** The nearest double: dividing would round twice. */
function inSeconds(nanoseconds: bigint): number {
  const digits = (nanoseconds < 0n ? -nanoseconds : nanoseconds).toString().padStart(10, '0');
  return (nanoseconds < 0n ? -1 : 1) * Number(`${digits.slice(0, -9)}.${digits.slice(-9)}`);
}

async function readAll(archive: Buffer, size: number) {
  return collect(inPieces(archive, size));
}

async function collect(tar: AsyncIterable<Buffer>) {
  const members: (Omit<ReadMember, 'content'> & { content: string })[] = [];
  for await (const { content, ...rest } of readMembers(tar)) {
    const pieces: Buffer[] = [];
    for await (const piece of content) pieces.push(piece);
    members.push({ ...rest, content: Buffer.concat(pieces).toString('hex') });
  }
  return members;
}
