import { readFileSync } from 'node:fs';
import type { RedisOptions } from 'ioredis';
import { type CacheAddress, describeCache } from './address.ts';
import { BadCacheUrl, CacheAccessDenied, CacheUnreachable } from './errors.ts';

/** One Redis server; the smallest interface that this project needs of the driver. Keys are bytes. */
export interface CacheNode {
  /** Replies come as Buffers, numbers, arrays. @throws CacheUnreachable, CacheAccessDenied, the signal's reason */
  call(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
  /** Many commands in one round trip; each has its own outcome. */
  pipeline(commands: readonly (readonly [string, ...(string | Buffer)[]])[]): Promise<Outcome[]>;
  /** An error of a single outcome, in this project's words. */
  explain(error: Error): Error;
  /** Never throws. */
  close(): void;
}

export type Outcome = { readonly reply: unknown } | { readonly error: Error };

const connectMs = 10_000;
/** A command that takes longer has met a server that hangs. */
const commandMs = 60_000;

/** Connects and proves that the server lets us in. An abort ends the connection at once. */
export async function openNode(
  address: CacheAddress,
  signal: AbortSignal,
  servername?: string,
): Promise<CacheNode> {
  signal.throwIfAborted();
  const { Redis } = await import('ioredis');
  const redis = new Redis(driverOptions(address, servername));
  const failures: Error[] = [];
  redis.on('error', (error: Error) => failures.push(error));
  const abort = () => redis.disconnect();
  signal.addEventListener('abort', abort, { once: true });
  const close = () => {
    signal.removeEventListener('abort', abort);
    redis.disconnect();
  };
  const fail = (error: unknown): never => {
    signal.throwIfAborted();
    // What the socket said first tells more than "connection is closed".
    throw explain(isAnswer(error) ? error : (failures[0] ?? error), address);
  };
  const node: CacheNode = {
    call: (command, ...args) => redis.callBuffer(command, ...args).catch(fail),
    pipeline: async (commands) => {
      const pipeline = redis.pipeline();
      for (const [command, ...args] of commands) pipeline.callBuffer(command, ...args);
      const outcomes = (await pipeline.exec().catch(fail)) ?? [];
      signal.throwIfAborted();
      const results = outcomes.map(([error, reply]) => (error === null ? { reply } : { error }));
      const lost = results.find((result) => 'error' in result && !isReply(result.error));
      return lost !== undefined && 'error' in lost ? fail(lost.error) : results;
    },
    explain: (error) => explain(error, address),
    close,
  };
  try {
    await redis.connect().catch(fail);
    await node.call('PING');
    // With a wrong name and password a server may still let us in as its default user, who may be anybody's.
    const refused = failures.find((failure) => isDenied(failure));
    if (refused !== undefined) throw explain(refused, address);
    return node;
  } catch (error) {
    close();
    throw error;
  }
}

function driverOptions(address: CacheAddress, servername?: string) {
  const { host, port, username, password, tls } = address;
  return {
    host,
    port,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== false && { tls: tlsOptions(tls, servername) }),
    lazyConnect: true,
    // Who calls repeats; a connection that comes back by itself would be in database 0 again.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2 as const,
    connectTimeout: connectMs,
    commandTimeout: commandMs,
    disconnectTimeout: 250,
  } satisfies RedisOptions;
}

function tlsOptions(tls: { readonly verify: boolean; readonly caFile?: string }, servername?: string) {
  return {
    rejectUnauthorized: tls.verify,
    ...(servername !== undefined && { servername }),
    ...(tls.caFile !== undefined && { ca: rootsIn(tls.caFile) }),
  };
}

function rootsIn(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new BadCacheUrl(`${file}, which the cache URL names as ssl_ca_certs, cannot be read`, { cause });
  }
}

/** An answer about the command itself; that nobody is logged in is explained better by what came before. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && isReply(error) && !/^NOAUTH/.test(error.message);
}

/** Replies of the server begin with a word in capitals: `WRONGPASS …`, `ERR …`. */
function isReply(error: Error): boolean {
  return error.name === 'ReplyError';
}

export function isDenied(error: Error): boolean {
  return /^(NOAUTH|WRONGPASS|NOPERM|ERR invalid password|ERR AUTH|READONLY)/.test(error.message);
}

/** A server that takes no writes for now: its replicas or its disk are away, it loads, its cluster is down. */
function isNotReady(error: Error): boolean {
  return /^(MISCONF|NOREPLICAS|LOADING|MASTERDOWN|CLUSTERDOWN)/.test(error.message);
}

function explain(error: unknown, address: CacheAddress): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const where = describeCache(address);
  if (/^READONLY/.test(error.message)) {
    return new CacheAccessDenied(`the cache at ${where} is a read-only replica: name its primary`, {
      cause: error,
    });
  }
  if (/^NOPERM/.test(error.message)) {
    const who = address.username === undefined ? 'the default user' : `the user "${address.username}"`;
    return new CacheAccessDenied(
      `${who} of the cache at ${where} lacks a permission (${error.message}): it needs ~* +@read +@write +select +info, or at least +ping +scan +type +unlink +del`,
      { cause: error },
    );
  }
  if (isNotReady(error)) {
    return new CacheUnreachable(`the cache at ${where} takes no writes now (${error.message})`, {
      cause: error,
    });
  }
  if (isDenied(error)) {
    return new CacheAccessDenied(
      `the cache at ${where} refuses access (${error.message}): check user, password and permissions`,
      { cause: error },
    );
  }
  if (isReply(error)) return error;
  const hint =
    address.tls === false ? 'is it up, and does it want TLS (rediss://)' : 'is it up, does it speak TLS';
  return new CacheUnreachable(
    `the cache at ${where} cannot be reached (${reasonOf(error)}): ${hint}, and is its certificate trusted?`,
    { cause: error },
  );
}

function reasonOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code !== '' && !error.message.includes(code) ? `${code}: ${error.message}` : error.message || code;
}
