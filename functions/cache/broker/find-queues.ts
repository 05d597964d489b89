import { pagesOfKeys } from '../keys.ts';
import { kindOfKey, prioritySeparator } from '../layout.ts';
import type { CacheNode } from '../node.ts';
import { taskOf } from './message.ts';

/** Where kombu keeps what waits: lists, one a queue and priority, and what workers have taken. */
export interface FoundQueues {
  /** Keys of lists, by the name of their queue. */
  readonly queues: ReadonlyMap<string, readonly Buffer[]>;
  /** Workers have taken tasks that they haven't finished. */
  readonly unacked: boolean;
  /** Prefixes under which another application keeps its queues here; they are left. */
  readonly otherPrefixes: readonly string[];
}

export const unackedKey = 'unacked';
export const unackedIndexKey = 'unacked_index';

const bindingKey = /^(.*)_kombu\.binding\./s;
/** Answers to remote control; no tasks. */
const controlKey = /celery\.pidbox$|^celeryev/;

/** Looks through the selected database of a broker. */
export async function findQueues(node: CacheNode): Promise<FoundQueues> {
  const lists = new Map<string, Buffer[]>();
  const bound = new Set<string>();
  const prefixes = new Set<string>();
  let unacked = false;
  for await (const page of pagesOfKeys(node)) {
    const unknown: Buffer[] = [];
    for (const key of page) {
      const text = key.toString('latin1');
      const binding = bindingKey.exec(text);
      if (binding?.[1]) prefixes.add(binding[1]);
      else if (binding) for (const name of await boundTo(node, key)) bound.add(name);
      if (text === unackedKey) unacked = true;
      if (mayBeQueue(text)) unknown.push(key);
    }
    for (const key of await listsAmong(node, unknown)) {
      const name = queueOf(key);
      lists.set(name, [...(lists.get(name) ?? []).filter((known) => !known.equals(key)), key]);
    }
  }
  const queues = new Map<string, Buffer[]>();
  for (const [name, keys] of lists) {
    const foreign = [...prefixes].some((prefix) => name.startsWith(prefix));
    if (!foreign && (bound.has(name) || (await holdTasks(node, keys)))) queues.set(name, keys);
  }
  return { queues, unacked, otherPrefixes: [...prefixes] };
}

function mayBeQueue(key: string): boolean {
  if (controlKey.test(key) || bindingKey.test(key)) return false;
  const kind = kindOfKey(key, '');
  return kind === 'unknown' || key.includes(prioritySeparator) || key === 'celery';
}

function queueOf(key: Buffer): string {
  return key.toString('latin1').split(prioritySeparator)[0] ?? '';
}

/** The members of a binding are `<routing key>`, `<pattern>`, `<queue>` with a separator between. */
async function boundTo(node: CacheNode, binding: Buffer): Promise<string[]> {
  const members = (await node.call('SMEMBERS', binding).catch(() => [])) as Buffer[];
  return members.map((member) => member.toString('latin1').split(prioritySeparator).at(-1) ?? '');
}

async function listsAmong(node: CacheNode, keys: readonly Buffer[]): Promise<Buffer[]> {
  if (keys.length === 0) return [];
  const types = await node.pipeline(keys.map((key) => ['TYPE', key] as const));
  return keys.filter((_, index) => {
    const outcome = types[index];
    return outcome && 'reply' in outcome && String(outcome.reply) === 'list';
  });
}

async function holdTasks(node: CacheNode, keys: readonly Buffer[]): Promise<boolean> {
  for (const key of keys) {
    const [first] = (await node.call('LRANGE', key, 0, 0)) as Buffer[];
    if (first && taskOf(first)) return true;
  }
  return false;
}
