import { mkdir, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { collectGarbage } from '../cli/collect-garbage.ts';
import { printable } from '../cli/text/printable.ts';
import { bench } from './bench.ts';
import { BadOption, type BenchOptions, parseOptions, usage } from './options.ts';
import { publish } from './report/publish.ts';
import { resultLines } from './report/result-lines.ts';

function say(line: string): void {
  process.stdout.write(`${line.split('\n').map(printable).join('\n')}\n`);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!stop.signal.aborted)
      say(`\n${signal}: what runs and the servers are stopped, and what they kept is removed.`);
    stop.abort();
  });
}

async function main(options: BenchOptions): Promise<number> {
  const results = await bench(options, say, stop.signal);
  const folder = fileURLToPath(new URL('results/', import.meta.url));
  await mkdir(folder, { recursive: true });
  const file = `${folder}${results.at.replaceAll(/[:.]/g, '')}.json`;
  await writeFile(file, `${JSON.stringify(results, undefined, 2)}\n`);
  say('');
  for (const line of resultLines(results)) say(line);
  say(`\n${relative(process.cwd(), file)}`);
  if (options.publish) for (const path of await publish(results)) say(relative(process.cwd(), path));
  const bad = results.contenders.some(
    ({ outcome, check }) => outcome === 'failed' || (check !== undefined && !check.equal),
  );
  return bad ? 1 : 0;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) say(usage);
  else process.exitCode = await main(options);
} catch (error) {
  if (stop.signal.aborted) process.exitCode = 130;
  else if (error instanceof BadOption) {
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    process.exitCode = 2;
  } else throw error;
}
// Connections to servers that are gone must not keep the process.
collectGarbage();
process.exit();
