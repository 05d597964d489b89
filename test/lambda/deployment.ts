import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { environment } from '../../functions/run/environment-names.ts';
import type { Surroundings } from '../../functions/run/surroundings.ts';
import { markTarget } from '../../functions/target/target-mark.ts';
import { bundleHandlers } from '../../infra/bundle.ts';
import { exampleConfiguration } from '../../infra/configuration/examples.ts';
import type { Configuration } from '../../infra/configuration/schema.ts';
import { handlerNeeds } from '../../infra/handler-needs.ts';
import {
  type LocalSurroundings,
  type Place,
  type RunnableMachine,
  type RunnerEvent,
  runMachine,
} from '../../local/run-machine.ts';
import { type RedisServer, startRedis } from '../../local/servers/redis.ts';
import type { SmallNautobot } from '../faults/small-nautobot.ts';
import { synthesise } from '../infra/synthesise.ts';
import { surroundings } from '../local/fake-surroundings.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type SecretsServer, startSecrets } from '../servers/secrets-server.ts';
import { Permissions } from '../store/strict/permissions.ts';
import { type StrictS3, startStrictS3Proxy } from '../store/strict/server.ts';
import { accessKeyOf, Lambda } from './function-instances.ts';
import { account, deployed, region } from './template.ts';
import { startXrayDaemon, type XrayDaemon } from './xray-daemon.ts';

export interface Deployment {
  readonly lambda: Lambda;
  readonly permissions: Permissions;
  readonly s3: StrictS3;
  readonly secrets: SecretsServer;
  readonly daemon: XrayDaemon;
  readonly redis: RedisServer | undefined;
  readonly bucket: string;
  /** `s3://…` of the store, and what leads to the server behind, for looking at what is there. */
  readonly storeUri: string;
  readonly upstream: Readonly<Record<string, string>>;
  /** Passwords that nobody may find anywhere. */
  secretTexts(): string[];
  /** What the secrets of source and target name from now on. */
  use(source: SmallNautobot, target: SmallNautobot): Promise<void>;
  /** Runs a machine on the interpreter, its handlers on Lambda. */
  run(machine: RunnableMachine, input: object, onEvent?: (event: RunnerEvent) => void): Promise<unknown>;
  stop(): Promise<void>;
}

/** Where it is called from is what a handler here has to know. */
type Placed = Surroundings & { readonly place: Place };

const cachePassword = 'p@ss of the cache';

/** Django's database of the cache, as a Nautobot has it. */
export function cacheUrl(redis: RedisServer | undefined): string {
  return `redis://:${encodeURIComponent(cachePassword)}@127.0.0.1:${redis?.port ?? 9}/1`;
}

const stackName = exampleConfiguration.stackName;
const target = 'staging';

/**
 * A configuration, by default the example, as it would be deployed: functions with the environment and the rights of the synthesised
 * templates, secrets in Secrets Manager, the bucket behind a proxy that holds S3's rules and IAM's.
 */
export async function deploy(configuration: Configuration = exampleConfiguration): Promise<Deployment> {
  const { bucket, client } = await freshBucket();
  client.destroy();
  const { main, targets } = synthesise(configuration);
  const templates = [main, targets[target]].filter((template) => template !== undefined);
  const { functions, bucketPolicy, kmsKey } = deployed(templates, bucket);
  const roles = new Map([...functions.values()].map(({ name, role }) => [accessKeyOf(name), role]));
  const permissions = new Permissions(roles, bucketPolicy);
  const may = (key: string, action: string, resource: string) =>
    permissions.allows(key, { action, resource });
  const upstream = inject('servers').s3.env;
  const [s3, daemon, redis, assets, secrets] = await Promise.all([
    startStrictS3Proxy({ upstream, permissions, kmsKey, pageSize: 7 }),
    startXrayDaemon(),
    startRedis({ requirepass: cachePassword }),
    bundleHandlers(Object.keys(handlerNeeds)),
    startSecrets({
      allows: (key, id) => may(key, 'secretsmanager:GetSecretValue', id),
      others: {
        'AWSStepFunctions.DescribeExecution': ({ executionArn = '' }, key) =>
          may(key, 'states:DescribeExecution', onAws(executionArn))
            ? { status: 'FAILED' }
            : { __type: 'AccessDenied' },
      },
    }),
  ]);
  const mounts: Record<string, string> = {};
  const lambda = new Lambda({
    functions: new Map(
      [...functions].map(([name, each]) => [
        name,
        { ...each, environment: withMounts(each.environment, mounts) },
      ]),
    ),
    assets,
    around: {
      AWS_ENDPOINT_URL_S3: s3.endpoint,
      AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED',
      ...secrets.env,
      AWS_ENDPOINT_URL_SFN: secrets.env.AWS_ENDPOINT_URL_SECRETS_MANAGER ?? '',
      // Whatever else might be asked of AWS is asked of nobody
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
      AWS_XRAY_DAEMON_ADDRESS: daemon.address,
    },
  });
  const stackOf = new Map<string, string>();
  const functionOf = (handler: string, machine: string, input: unknown) => {
    const runId = (input as { runId?: string }).runId ?? '';
    const ofTarget = machine === 'restore' || (machine === 'clean-up' && stackOf.get(runId) === target);
    return ofTarget ? `${stackName}-${target}-${handler}` : `${stackName}-${handler}`;
  };

  return {
    lambda,
    permissions,
    s3,
    secrets,
    daemon,
    redis,
    bucket,
    storeUri: `s3://${bucket}/nautobot`,
    upstream,
    secretTexts: () => [
      inject('servers').postgres.password,
      cachePassword,
      encodeURIComponent(cachePassword),
    ],
    use: async (source, into) => {
      const arns = configuration;
      const secretOf = (database: { secretArn?: string }) => database.secretArn ?? '';
      await markTarget(await openDatabase(into.database.url));
      secrets.secrets.set(secretOf(arns.source?.database as object), rdsSecret(source.database.url));
      secrets.secrets.set(secretOf(arns.targets[0]?.database as object), rdsSecret(into.database.url));
      for (const cache of [arns.source?.cache, arns.targets[0]?.cache])
        secrets.secrets.set(secretOf(cache as object), cacheUrl(redis));
      mounts[environment.sourceMedia] = source.media;
      mounts[environment.targetMedia] = into.media;
      lambda.forget();
    },
    run: (machine, input, onEvent) => {
      const invoke =
        (handler: string): StateHandler =>
        async (event, around) => {
          const { place, signal } = around as Placed;
          const name = functionOf(handler, place.machine, event);
          const output = await untilAborted(lambda.invoke(name, event), signal);
          const id = (output as { run?: { id?: string } } | null)?.run?.id;
          if (handler === 'Begin' && id) stackOf.set(id, name.includes(`-${target}-`) ? target : '');
          return output;
        };
      return runMachine(machine, input, {
        handlers: Object.fromEntries(Object.keys(handlerNeeds).map((handler) => [handler, invoke(handler)])),
        surroundingsFor: (place): LocalSurroundings & { place: Place } => ({ ...surroundings(), place }),
        signal: new AbortController().signal,
        ...(onEvent && { onEvent }),
      });
    },
    stop: async () => {
      await lambda.stop();
      daemon.stop();
      await Promise.all([s3.stop(), secrets.stop(), redis?.stop()]);
    },
  };
}

/** Of an execution on this machine, what it would be called where it is deployed. */
function onAws(executionArn: string): string {
  const deployedThere = `arn:aws:states:${region}:${account}:execution:${stackName}-`;
  return executionArn.replace('arn:aws:states:local:000000000000:execution:', deployedThere);
}

/** A function that is invoked can't be called back: it goes on, and nobody waits for it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {});
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
  ]);
}

/** Lambda mounts a file system where the template says; here it is mounted somewhere else. */
function withMounts(
  variables: Readonly<Record<string, string>>,
  mounts: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return new Proxy(variables, {
    get: (all, name: string) => (all[name] === undefined ? undefined : (mounts[name] ?? all[name])),
  });
}

function rdsSecret(url: string): string {
  const { hostname, port, username, password, pathname } = new URL(url);
  return JSON.stringify({
    engine: 'postgres',
    host: hostname,
    port: Number(port),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    dbname: decodeURIComponent(pathname.slice(1)),
    dbInstanceIdentifier: `nautobot-${randomBytes(3).toString('hex')}`,
  });
}
