import { z } from 'zod';
import { type MediaComparison, mostNamed } from '../run/media-comparison.ts';
import { fromLatin1, printable, toLatin1 } from './path.ts';
import { matchMedia } from './patterns.ts';

/** Longer names are cut where they are only shown. */
const longestName = 300;

const count = z.int().nonnegative();

/** A comparison that is under way, for whoever goes on with it. */
export const SavedComparison = z.object({
  columns: z.array(z.string()),
  open: z.array(z.tuple([z.string(), count])),
  referenced: count,
  files: count,
  orphaned: count,
  orphans: z.array(z.string()),
});
export type SavedComparison = z.infer<typeof SavedComparison>;

/**
 * Holds the files that a database refers to against those that are there. Takes all references first, then files in
 * any order; what it keeps grows with the references alone.
 */
export class FileComparison {
  readonly #columns: readonly string[];
  /** Path as latin1 → index of the first column that refers to it; taken out when the file is met. */
  readonly #open: Map<string, number>;
  #referenced = 0;
  #files = 0;
  #orphaned = 0;
  readonly #orphans: string[];

  /** @param columns in words, as they are reported */
  constructor(
    columns: readonly string[],
    open: SavedComparison['open'] = [],
    orphans: readonly string[] = [],
  ) {
    this.#columns = columns;
    this.#open = new Map(open);
    this.#orphans = [...orphans];
  }

  /** Goes on where another one was saved, with files that are still to be met. */
  static resume({ columns, open, orphans, referenced, files, orphaned }: SavedComparison): FileComparison {
    const comparison = new FileComparison(columns, open, orphans);
    comparison.#referenced = referenced;
    comparison.#files = files;
    comparison.#orphaned = orphaned;
    return comparison;
  }

  get saved(): SavedComparison {
    return {
      columns: [...this.#columns],
      open: [...this.#open],
      referenced: this.#referenced,
      files: this.#files,
      orphaned: this.#orphaned,
      orphans: this.#orphans,
    };
  }

  /** @param path as a row has it: relative to the media directory */
  refer(path: string, column: number): void {
    const name = toLatin1(Buffer.from(normal(path)));
    if (name === '' || this.#open.has(name)) return;
    this.#open.set(name, column);
    this.#referenced += 1;
  }

  /** @param path relative to the media directory, each byte of the name one character (latin1); met once */
  meet(path: string): void {
    this.#files += 1;
    if (this.#open.delete(path)) return;
    this.#orphaned += 1;
    if (this.#orphans.length < mostNamed) this.#orphans.push(shown(path));
  }

  /** @param leftOut patterns by which files were left out on purpose */
  result(leftOut: readonly string[] = []): MediaComparison {
    const isLeftOut = matchMedia(leftOut);
    const missing = [...this.#open].filter(([path]) => !isLeftOut(path));
    return {
      columns: [...this.#columns],
      referenced: this.#referenced,
      files: this.#files,
      missing: missing.length,
      leftOut: this.#open.size - missing.length,
      missingFiles: missing.slice(0, mostNamed).map(([path, column]) => ({
        path: shown(path),
        column: this.#columns[column] ?? '',
      })),
      orphaned: this.#orphaned,
      orphanedFiles: this.#orphans,
    };
  }
}

/** Django joins MEDIA_ROOT and the value; `./` and doubled slashes mean nothing. */
function normal(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

function shown(path: string): string {
  return printable(fromLatin1(path)).slice(0, longestName);
}
