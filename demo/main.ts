import { parseArgs } from 'node:util';
import { collectGarbage } from '../cli/collect-garbage.ts';
import { duration } from '../cli/text/quantities.ts';
import { line } from './print.ts';
import { run } from './run.ts';

const usage = `npm run demo [-- --keep]

Starts two PostgreSQL servers (production and staging), an S3 server and, where there is one, Redis; loads a real
Nautobot 3.1 into production; replicates it to staging; compares the two; stops everything.

  --keep   leave the servers up until Ctrl-C, print how to connect, and keep the backup's files`;

const { values } = parseArgs({
  options: { keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
});
if (values.help) {
  line(usage);
  process.exit(0);
}

// The servers' supervisors stop them and remove what they kept as soon as this process is gone.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    line(`\n${signal}: the servers stop, and what they kept is removed.`);
    process.exit(130);
  });
}

const began = performance.now();
const asExpected = await run(values.keep === true, () => duration(performance.now() - began)).catch(
  (error: unknown) => {
    process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    return false;
  },
);
collectGarbage();
process.exit(asExpected ? 0 : 1);
