import type { QueueContent } from './content.ts';
import type { BrokerContent } from './drain-broker.ts';

const mostQueues = 10;
const mostNames = 5;

/** What waits in a broker, in a line for a person: `12 tasks wait in cache:6379/0: default: 10 × …`. */
export function waitingIn({
  broker,
  tasks,
  queues,
}: Pick<BrokerContent, 'broker' | 'tasks' | 'queues'>): string {
  if (tasks === 0) return `no task waits in ${broker}`;
  const more = queues.length > mostQueues ? [`and ${queues.length - mostQueues} more queues`] : [];
  const named = [
    ...queues
      .filter((queue) => queue.tasks > 0)
      .slice(0, mostQueues)
      .map(queueWords),
    ...more,
  ];
  return `${tasks} ${tasks === 1 ? 'task waits' : 'tasks wait'} in ${broker}: ${named.join('; ')}`;
}

/** `default: 10 × nautobot.extras.jobs.run_job, 2 for later` */
export function queueWords({ queue, tasks, scheduled, names }: QueueContent): string {
  const shown = names.slice(0, mostNames).map(({ task, count }) => `${count} × ${task}`);
  const named = names.slice(0, mostNames).reduce((sum, { count }) => sum + count, 0);
  const rest = tasks > named ? [`${tasks - named} others`] : [];
  return `${queue}: ${[...shown, ...rest, ...(scheduled > 0 ? [`${scheduled} for later`] : [])].join(', ')}`;
}
