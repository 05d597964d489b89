import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  constants,
  type FileHandle,
  link,
  lstat,
  lutimes,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  writeFile,
} from 'node:fs/promises';
import { z } from 'zod';
import type { FilePart } from './archive-part.ts';
import { timeFor } from './attributes.ts';
import type { Build } from './build.ts';
import { MediaUnsafe, systemCode } from './errors.ts';
import { giveTo, ownerFor } from './owner.ts';
import { fromLatin1, join, printable } from './path.ts';

/** What the header in the first part says; all parts need it, because any of them may be the last one written. */
const FileAttributes = z.object({
  mode: z.int(),
  /** Seconds since 1970. */
  mtime: z.number(),
});
export type FileAttributes = z.infer<typeof FileAttributes>;

/** How a file that is whole gets its name in the tree; a parameter, because not every file system has links. */
export interface NamingCalls {
  link(from: Buffer, to: Buffer): Promise<void>;
}

const withoutLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);
const markName = /^(\d+)-(\d+)$/;

/**
 * A file that is written in parts, by many at the same time and on different machines: `content` in a folder of its
 * own, beside it one mark for each part that is there. When the marks are complete, the content gets its attributes and
 * its name in the tree: a name in the tree is always a whole file.
 */
export class PartFile {
  readonly #build: Build;
  readonly #part: FilePart;
  readonly #folder: Buffer;
  readonly #content: Buffer;
  readonly #calls: NamingCalls;

  private constructor(build: Build, part: FilePart, calls: NamingCalls) {
    const id = createHash('sha256').update(fromLatin1(part.path)).digest('hex').slice(0, 32);
    this.#build = build;
    this.#part = part;
    this.#folder = join(build.parts, id);
    this.#content = join(this.#folder, 'content');
    this.#calls = calls;
  }

  static async prepare(build: Build, part: FilePart, calls: NamingCalls = { link }): Promise<PartFile> {
    const file = new PartFile(build, part, calls);
    for (const folder of [build.parts, file.#folder]) {
      await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error;
      });
    }
    return file;
  }

  /** Is the part there, whole? */
  async isWritten(): Promise<boolean> {
    return (await this.#marks()).some(([from, to]) => from === this.#part.offset && to === this.#end);
  }

  /**
   * The content, as long as it will be in the end; undefined when somebody else has finished the file meanwhile.
   * It is created once and never again: a late attempt must not bring an empty one into being.
   */
  async open(): Promise<FileHandle | undefined> {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    let file: FileHandle;
    try {
      file = await open(this.#content, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      if (await this.#isFinished()) return undefined;
      try {
        file = await open(this.#content, O_WRONLY | O_NOFOLLOW);
      } catch (again) {
        // Finished by somebody else, and read-only as it was in the source.
        if (systemCode(again) === 'EACCES' && (await this.isWritten())) return undefined;
        throw again;
      }
    }
    try {
      if ((await file.stat()).size !== this.#part.size) await file.truncate(this.#part.size);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Says that the part's bytes are on disk. @param attributes of the first part */
  async mark(attributes: FileAttributes | undefined): Promise<void> {
    const name = `${this.#part.offset}-${this.#end}`;
    const draft = join(this.#build.incoming, `part-${randomBytes(12).toString('hex')}`);
    await writeFile(draft, attributes ? JSON.stringify(attributes) : '', { flush: true });
    await rename(draft, join(this.#folder, name));
  }

  /** Gives the file its name if all its parts are there. May be called again. @throws MediaUnsafe */
  async finishIfWhole(): Promise<void> {
    if (!isWhole(await this.#marks(), this.#part.size)) return;
    try {
      if (!(await this.#isFinished())) await this.#setAttributes();
      await this.#nameIt();
    } catch (error) {
      // Without links, another part's worker may have moved it away between any two of these steps.
      if (!(await this.#isFinished())) throw error;
      await this.#mustBeNamed();
    }
  }

  get #end(): number {
    return this.#part.offset + this.#part.bytes;
  }

  get #target(): Buffer {
    return join(this.#build.tree, fromLatin1(this.#part.path));
  }

  async #marks(): Promise<Mark[]> {
    return (await readdir(this.#folder)).flatMap((name): Mark[] => {
      const found = markName.exec(name);
      return found ? [[Number(found[1]), Number(found[2])]] : [];
    });
  }

  /** Only where there are no links: the content has been moved away, and a folder keeps its name from being used. */
  async #isFinished(): Promise<boolean> {
    const facts = await lstat(this.#content).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    return facts === undefined || facts.isDirectory();
  }

  /** By its path in a folder that no member of an archive can name. */
  async #setAttributes(): Promise<void> {
    const first = (await this.#marks()).find(([from]) => from === 0);
    const text = await readFile(join(this.#folder, `0-${first?.[1]}`), 'utf8');
    const { mode, mtime } = FileAttributes.parse(JSON.parse(text));
    await giveTo(await ownerFor(this.#build.media), this.#content);
    await lutimes(this.#content, timeFor(mtime), timeFor(mtime));
    await chmod(this.#content, mode);
  }

  async #nameIt(): Promise<void> {
    if (await this.#isFinished()) return this.#mustBeNamed();
    try {
      await this.#calls.link(this.#content, this.#target);
    } catch (error) {
      const code = systemCode(error) ?? '';
      if (code === 'EEXIST') return this.#mustBeNamed();
      if (!withoutLinks.has(code)) throw error;
      await rename(this.#content, this.#target);
      await mkdir(this.#content, { mode: 0o700 });
    }
  }

  async #mustBeNamed(): Promise<void> {
    const named = await lstat(this.#target, { bigint: true });
    const content = await lstat(this.#content, { bigint: true }).catch(() => undefined);
    const same = content?.isFile() === true ? content.ino === named.ino : true;
    if (named.isFile() && Number(named.size) === this.#part.size && same) return;
    throw new MediaUnsafe(`the media archive holds ${printable(fromLatin1(this.#part.path))} twice`);
  }
}

type Mark = readonly [from: number, to: number];

function isWhole(marks: readonly Mark[], size: number): boolean {
  let next = 0;
  for (const [from, to] of marks.toSorted((a, b) => a[0] - b[0])) {
    if (from !== next) return false;
    next = to;
  }
  return next === size;
}
