import { printableKey } from '../layout.ts';
import type { CacheNode } from '../node.ts';
import type { CacheServers } from '../servers.ts';
import { findQueues, unackedIndexKey, unackedKey } from './find-queues.ts';
import { type Task, taskOf, unackedTaskOf } from './message.ts';

/** What waits in one queue. */
export interface QueueContent {
  /** `default`; `unacked`: what workers have taken and not finished, tasks for later among it. */
  readonly queue: string;
  readonly tasks: number;
  /** Of those that were looked at: they have a time before which they must not run. */
  readonly scheduled: number;
  /** Most frequent first; no more than fifty names, of the first 5,000 tasks. */
  readonly names: readonly { readonly task: string; readonly count: number }[];
}

/** A queue and what it is kept in. */
export interface FoundQueue extends QueueContent {
  readonly node: CacheNode;
  readonly keys: readonly FoundKey[];
}

export interface FoundKey {
  readonly key: Buffer;
  /** Asks how many tasks it holds; none: it is the index of another one. */
  readonly lengthBy: 'LLEN' | 'HLEN' | undefined;
}

const mostLooked = 5000;
const pageTasks = 100;
const mostNames = 50;

/** What waits in a broker's selected database, by its names. */
export async function contentOf(
  servers: CacheServers,
): Promise<{ queues: FoundQueue[]; otherPrefixes: readonly string[] }> {
  const found: FoundQueue[] = [];
  const otherPrefixes = new Set<string>();
  for (const node of servers.nodes) {
    const { queues, unacked, otherPrefixes: prefixes } = await findQueues(node);
    for (const prefix of prefixes) otherPrefixes.add(printableKey(prefix));
    for (const [name, keys] of queues)
      found.push(
        await lookAt(
          node,
          name,
          keys.map((key) => ({ key, lengthBy: 'LLEN' })),
          queueTasks(node, keys),
        ),
      );
    if (unacked) found.push(await lookAt(node, unackedKey, takenKeys, unackedTasks(node)));
  }
  return { queues: found.sort((a, b) => b.tasks - a.tasks), otherPrefixes: [...otherPrefixes] };
}

const takenKeys: readonly FoundKey[] = [
  { key: Buffer.from(unackedKey), lengthBy: 'HLEN' },
  { key: Buffer.from(unackedIndexKey), lengthBy: undefined },
];

export async function lengthOf(node: CacheNode, { key, lengthBy }: FoundKey): Promise<number> {
  return lengthBy === undefined ? 0 : Number(await node.call(lengthBy, key));
}

async function lookAt(
  node: CacheNode,
  name: string,
  keys: readonly FoundKey[],
  waiting: AsyncIterable<Task>,
): Promise<FoundQueue> {
  let tasks = 0;
  for (const key of keys) tasks += await lengthOf(node, key);
  return { queue: printableKey(name), tasks, ...(await summed(waiting)), node, keys };
}

async function summed(tasks: AsyncIterable<Task>): Promise<Pick<QueueContent, 'scheduled' | 'names'>> {
  const counts = new Map<string, number>();
  let scheduled = 0;
  let looked = 0;
  for await (const task of tasks) {
    counts.set(task.name, (counts.get(task.name) ?? 0) + 1);
    if (task.scheduled) scheduled += 1;
    looked += 1;
    if (looked >= mostLooked) break;
  }
  const names = [...counts]
    .map(([task, count]) => ({ task, count }))
    .sort((a, b) => b.count - a.count || (a.task < b.task ? -1 : 1))
    .slice(0, mostNames);
  return { scheduled, names };
}

async function* queueTasks(node: CacheNode, keys: readonly Buffer[]): AsyncGenerator<Task> {
  for (const key of keys)
    for (let from = 0; ; from += pageTasks) {
      const page = (await node.call('LRANGE', key, from, from + pageTasks - 1)) as Buffer[];
      for (const message of page) yield taskOf(message) ?? { name: '(no task)', scheduled: false };
      if (page.length < pageTasks) break;
    }
}

async function* unackedTasks(node: CacheNode): AsyncGenerator<Task> {
  let cursor = '0';
  do {
    const [next, entries] = (await node.call('HSCAN', unackedKey, cursor, 'COUNT', pageTasks)) as [
      Buffer,
      Buffer[],
    ];
    cursor = next.toString();
    for (const [index, entry] of entries.entries()) if (index % 2 === 1) yield unackedTaskOf(entry);
  } while (cursor !== '0');
}
