import { openDatabase } from '../postgres/database.ts';
import { secretOrText } from '../postgres/secret-text.ts';
import { readingElsewhere } from '../store/backups-elsewhere.ts';
import { openMediaBucket, openStore, type StoreOptions } from '../store/open-store.ts';
import { allowedStores, allowedTargets, mustAllowStore } from './allowed.ts';
import { brokerOf, cacheUrlOf } from './cache-url.ts';
import { environment as names } from './environment-names.ts';
import { isExecutionRunning } from './execution-status.ts';
import { backupsFolder } from './keys.ts';
import { OutOfTime } from './out-of-time.ts';
import type { Progress } from './progress.ts';
import { ConfigurationMissing } from './require.ts';
import { parseRetention } from './retention.ts';
import type { ProfileChoice, Surroundings } from './surroundings.ts';

/** What is used of the context that Lambda hands to a function. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number;
  readonly awsRequestId?: string;
}

export interface LambdaInvocation {
  readonly context: LambdaContext;
  readonly progress: Progress;
  /** The execution that the invocation belongs to, as far as its input says. */
  readonly executionId: string | undefined;
  readonly onClient?: StoreOptions['onClient'];
}

/** Milliseconds before the end at which a handler is asked to let go of what it holds. */
const noticeMs = 10_000;

/**
 * Makes out of a function's environment variables what its handler finds around it. Opens no connection to a database
 * or bucket; secrets are fetched anew every time, so that a rotated one is used at once.
 * @throws ConfigurationMissing, BadStoreUri, BadDatabaseUrl, SecretUnusable, StoreNotAllowed, UsageError
 */
export async function lambdaSurroundings(
  invocation: LambdaInvocation,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Surroundings> {
  const variable = (name: string) => environment[name] || undefined;
  const bucket = variable(names.bucket);
  if (!bucket) throw new ConfigurationMissing(`the environment variable ${names.bucket} is not set`);
  const sourceUrl = variable(names.source);
  const targetUrl = variable(names.target);
  const cacheUrl = variable(names.cache);
  const sourceMedia = variable(names.sourceMedia);
  const mediaReason = variable(names.mediaReason);
  const targetMedia = variable(names.targetMedia);
  const [source, target, cache] = await Promise.all([
    sourceUrl ? openDatabase(sourceUrl, names.source) : undefined,
    targetUrl ? openDatabase(targetUrl, names.target) : undefined,
    cacheUrl ? cacheUrlOf(cacheUrl, variable(names.cachePassword)) : undefined,
  ]);
  const keyPrefix = variable(names.cacheKeyPrefix);
  const broker = await brokerOf(cache, variable(names.broker), variable(names.sourceBroker));
  const { onClient } = invocation;
  const own = openStore(`s3://${bucket}/${variable(names.prefix) ?? ''}`, { onClient });
  mustAllowStore(own, allowedStores(variable(names.allowedStores), names.allowedStores));
  const backups = variable(names.backups);
  const store = backups ? readingElsewhere(own, backupsFolder, openStore(backups, { onClient })) : own;
  const objectLock = variable(names.objectLock);
  const allowed = allowedTargets(variable(names.allowedTargets), names.allowedTargets);
  return {
    store,
    ...(source && { source }),
    ...(target && { target }),
    ...(cache && { cache: { kind: 'redis' as const, url: cache, ...(keyPrefix && { keyPrefix }) } }),
    ...(broker && { broker }),
    ...(sourceMedia && { sourceMedia }),
    ...(mediaReason && { mediaReason }),
    ...(objectLock && { retention: parseRetention(objectLock, names.objectLock) }),
    ...(targetMedia && { targetMedia }),
    ...mediaBucketsOf(variable, { onClient }),
    ...(allowed && { allowedTargets: allowed }),
    ...(await profileSettings(variable)),
    unavailable: variable(names.unavailable)?.split(',') ?? [],
    allowSource: false,
    confirmTarget: async () => false,
    isAlive: async (owner) => (owner.kind === 'process' ? undefined : isExecutionRunning(owner.arn)),
    owner: { kind: 'execution', arn: invocation.executionId ?? 'unknown' },
    progress: invocation.progress,
    signal: untilNearlyOver(invocation.context),
    remainingMs: () => invocation.context.getRemainingTimeInMillis(),
  };
}

function mediaBucketsOf(
  variable: (name: string) => string | undefined,
  options: StoreOptions,
): Pick<Surroundings, 'mediaBuckets'> {
  const [from, to] = [variable(names.mediaFrom), variable(names.mediaTo)];
  if (!from || !to) return {};
  const mediaBuckets = {
    from: openMediaBucket(from, names.mediaFrom, options),
    to: openMediaBucket(to, names.mediaTo, options),
    removesOthers: variable(names.mediaRemoveOthers) === 'true',
  };
  return { mediaBuckets };
}

/** The profile of a function that reads or loads rows, and the secrets that it needs. */
async function profileSettings(variable: (name: string) => string | undefined) {
  const reference = variable(names.profile);
  const [maskKey, password] = [variable(names.maskKey), variable(names.adminPassword)];
  // Files lie beside the function
  const folder = variable('LAMBDA_TASK_ROOT') ?? process.cwd();
  const choice: ProfileChoice | undefined = reference === undefined ? undefined : { reference, folder };
  return {
    ...(choice && { sourceProfile: choice, targetProfile: choice }),
    ...(maskKey && { maskKey: await secretOrText(maskKey) }),
    ...(password && { stagingAdminPassword: await secretOrText(password) }),
  };
}

function untilNearlyOver(context: LambdaContext): AbortSignal {
  const controller = new AbortController();
  const reason = new OutOfTime('the time that Lambda gives a function is nearly over');
  const left = Math.max(0, context.getRemainingTimeInMillis() - noticeMs);
  setTimeout(() => controller.abort(reason), left).unref();
  return controller.signal;
}
