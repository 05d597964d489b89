import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { Session } from '../../functions/postgres/session.ts';
import { SqlPosition } from './sql-position.ts';

/** Bytes of definitions that are sent together, at least; they are one transaction. */
const batchBytes = 256 * 1024;

/**
 * Loads a plain dump of pg_dump, as psql would: statements, rows of `COPY … FROM stdin`, `\restrict` lines.
 * Roles that the dump names must exist.
 * @param dump path of a gzip'ed file, or the SQL as it comes
 * @throws TypeError for any other backslash command, and whatever the session throws
 */
export async function loadDump(session: Session, dump: string | AsyncIterable<Buffer>): Promise<void> {
  const sql = typeof dump === 'string' ? createReadStream(dump).pipe(createGunzip()) : dump;
  const lines = new DumpLines(sql);
  let batch = '';
  let statement = '';
  const position = new SqlPosition();
  const flush = async () => {
    const text = batch + statement;
    batch = '';
    statement = '';
    if (text.trim() !== '') await session.execute(text);
  };

  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    const text = line.toString('utf8');
    if (position.betweenStatements) {
      if (text.startsWith('\\')) {
        if (!/^\\(un)?restrict /.test(text)) throw new TypeError(`dump has a psql command: ${text.trim()}`);
        continue;
      }
      if (text.startsWith('--') && batch.length > batchBytes) await flush();
    }
    statement += text;
    position.advance(text);
    if (!position.betweenStatements) continue;
    if (isCopyFromStdin(statement)) {
      const copy = statement;
      statement = '';
      await flush();
      await session.copyIn(copy.trim().replace(/;$/, ''), lines.copyRows());
    } else {
      batch += statement;
      statement = '';
    }
  }
  await flush();
}

function isCopyFromStdin(statement: string): boolean {
  return (
    /^\s*(--[^\n]*\n\s*)*COPY\s/i.test(statement) &&
    /\sFROM\s+stdin\s*(WITH\s*)?(\([^)]*\)\s*)?;\s*$/i.test(statement)
  );
}

const newLine = 0x0a;
const endOfCopy = Buffer.from('\\.\n');

/** A stream cut into lines, or into slices of whole lines where nobody looks at single ones. */
class DumpLines {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** With its line end; undefined at the end of the stream. */
  async next(): Promise<Buffer | undefined> {
    let end = this.#rest.indexOf(newLine);
    while (end < 0 && (await this.#read())) end = this.#rest.indexOf(newLine);
    if (end < 0 && this.#rest.length === 0) return undefined;
    return this.#take(end < 0 ? this.#rest.length : end + 1);
  }

  /** Up to the line `\.`, which is taken but not passed on. */
  async *copyRows(): AsyncGenerator<Buffer> {
    for (;;) {
      const end = this.#rest.lastIndexOf(newLine) + 1;
      if (end === 0) {
        if (await this.#read()) continue;
        throw new TypeError('dump ends in the middle of a COPY');
      }
      const whole = this.#rest.subarray(0, end);
      const mark = startOfMark(whole);
      if (mark >= 0) {
        if (mark > 0) yield this.#take(mark);
        this.#take(endOfCopy.length);
        return;
      }
      yield this.#take(end);
    }
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  async #read(): Promise<boolean> {
    if (this.#ended) return false;
    const { done, value } = await this.#chunks.next();
    if (done) {
      this.#ended = true;
      return false;
    }
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}

/** Where a line `\.` begins in these whole lines, -1 when there is none. */
function startOfMark(lines: Buffer): number {
  if (lines.subarray(0, endOfCopy.length).equals(endOfCopy)) return 0;
  const at = lines.indexOf('\n\\.\n');
  return at < 0 ? -1 : at + 1;
}
