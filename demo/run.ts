import type { Io } from '../cli/io.ts';
import { replicate } from '../cli/replicate.ts';
import { fillCache, readCache } from './cache.ts';
import { check } from './check.ts';
import { keepOpen } from './keep.ts';
import { headline, line, timed } from './print.ts';
import { fillProduction } from './production.ts';
import { printChecks, printDifferences, printFiles, printSteps } from './report.ts';
import { bucket, type DemoServers, startServers } from './servers.ts';
import { fillStaging } from './staging.ts';

const store = `s3://${bucket}/nautobot`;
/** The change log is most of a large Nautobot, and staging can do without it. */
const leftOut = 'extras_objectchange';

/**
 * The main job on real data, told to a person.
 * @param elapsed time since the demo began, as text
 * @returns did everything come out as it should?
 */
export async function run(keep: boolean, elapsed: () => string): Promise<boolean> {
  line('nautobot-replicator: production → S3 → staging, on this machine');

  const { result: servers, took: startTook } = await timed(startServers());
  headline(`Servers (${startTook})`);
  printServers(servers);

  const filling = Promise.all([fillProduction(servers.production), fillStaging(servers.staging)]);
  const { result: nautobots, took: fillTook } = await timed(filling);
  const [production, staging] = nautobots;
  if (servers.redis !== undefined) await fillCache(servers.redis);
  const cacheBefore = servers.redis && (await readCache(servers.redis));
  headline(`A real Nautobot 3.1 in production, an old copy of it in staging (${fillTook})`);
  line('  production  database nautobot, role nautobot');
  line('  staging     database nautobot_staging, role nautobot_staging, which is no superuser');
  printDifferences(await check(production, staging));

  const work = replicate(
    {
      source: production.url,
      target: staging.url,
      store,
      media: production.media,
      targetMedia: staging.media,
      excludeTableData: [leftOut],
      ...(servers.redis && { invalidateCache: `redis://${servers.redis.host}:${servers.redis.port}` }),
      yes: true,
    },
    ioTo(servers),
  );
  const { result: outcome, took: replicateTook } = await timed(work);
  headline(`Replicate, without the rows of ${leftOut} (${replicateTook})`);
  printSteps(outcome);

  const { result: found, took: checkTook } = await timed(check(production, staging));
  const cacheAfter = servers.redis && (await readCache(servers.redis));
  headline(`Production and staging compared (${checkTook})`);
  const asExpected = printChecks(found, { leftOut: `public.${leftOut}`, cacheBefore, cacheAfter });

  headline('The backup');
  printFiles(outcome);

  if (keep) {
    headline(`Done in ${elapsed()}.`);
    await keepOpen({ servers, production, staging, store, backupId: outcome.backup.backupId });
  }
  await servers.stop();
  headline(
    asExpected
      ? `Done in ${elapsed()}. The servers are stopped and nothing is left behind (npm run demo -- --keep keeps it all up).`
      : `Staging is not what it should be (${elapsed()}).`,
  );
  return asExpected;
}

function printServers({ production, staging, s3, redis }: DemoServers): void {
  line(`  production  PostgreSQL at ${production.host}:${production.port}`);
  line(`  staging     PostgreSQL at ${staging.host}:${staging.port}`);
  line(`  store       S3 at ${s3.endpoint}`);
  line(
    redis === undefined
      ? '  cache       left out: neither redis-server nor valkey-server is on the PATH, so no cache is invalidated'
      : `  cache       Redis at ${redis.host}:${redis.port}`,
  );
}

/** What the command line would have around it, were its environment that of the demo's S3 server. */
function ioTo(servers: DemoServers): Io {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  Object.assign(process.env, servers.s3.env);
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    signal: new AbortController().signal,
  };
}
