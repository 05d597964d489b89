import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResults } from '../results.ts';
import { section } from './markdown.ts';
import { plot } from './plot.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const kept = fileURLToPath(new URL('../results/', import.meta.url));
const begin = '<!-- measured: written by npm run bench -- --publish -->';
const end = '<!-- /measured -->';

/**
 * Keeps these results as the ones of their size and writes all kept ones into docs/benchmarks.md.
 * @returns paths of the files written
 */
export async function publish(results: BenchResults): Promise<string[]> {
  const file = join(kept, `published-${results.gigabytes}gb.json`);
  await writeFile(file, `${JSON.stringify(results, undefined, 2)}\n`);
  return [file, ...(await writeDocs())];
}

/** Writes docs/benchmarks.md and its plots from the kept results. */
export async function writeDocs(): Promise<string[]> {
  const names = (await readdir(kept)).filter((name) => /^published-.*\.json$/.test(name));
  const all = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(kept, name), 'utf8')) as BenchResults),
  );
  all.sort((a, b) => a.gigabytes - b.gigabytes);
  const written: string[] = [];
  for (const results of all) {
    const file = join(docs, plotName(results));
    await writeFile(file, plot(results));
    written.push(file);
  }
  const page = join(docs, 'benchmarks.md');
  const sections = all.map((results) => section(results, plotName(results)));
  await writeFile(page, withSections(await readFile(page, 'utf8'), sections));
  return [...written, page];
}

/** @throws TypeError where the page has lost its marks */
export function withSections(page: string, sections: readonly string[]): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new TypeError(`docs/benchmarks.md has lost its marks ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${sections.join('\n\n')}\n\n${page.slice(to)}`;
}

function plotName(results: BenchResults): string {
  return `benchmarks-${results.gigabytes}gb.svg`;
}
