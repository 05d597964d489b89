import type { Redis } from 'ioredis';

/** A task as Celery 5 and kombu write it to Redis; its arguments hold what must never be shown. */
export function taskMessage(
  task: string,
  { eta = null as string | null, routingKey = 'default' } = {},
): string {
  const id = '67d082a8-c512-42da-a536-5b10fade3a15';
  return JSON.stringify({
    body: Buffer.from('[[1], {"secret": "hush"}, {"callbacks": null}]').toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers: {
      lang: 'py',
      task,
      id,
      eta,
      expires: null,
      argsrepr: '(1,)',
      kwargsrepr: "{'secret': 'hush'}",
      origin: 'gen10322@vm',
    },
    properties: {
      correlation_id: id,
      delivery_info: { exchange: '', routing_key: routingKey },
      priority: 0,
      body_encoding: 'base64',
      delivery_tag: '5df1883a-89cb-4ecf-96d0-14076b7691c3',
    },
  });
}

/** The same by version 1 of the protocol, whose name is in the body. */
export function oldTaskMessage(task: string): string {
  const body = { task, id: 'x', args: [], kwargs: { secret: 'hush' }, eta: '2026-11-27T01:25:30+00:00' };
  return JSON.stringify({
    body: Buffer.from(JSON.stringify(body)).toString('base64'),
    headers: {},
    'content-type': 'application/json',
    properties: { body_encoding: 'base64', delivery_tag: 'y', delivery_info: { priority: 0 } },
  });
}

export const runJob = 'nautobot.extras.jobs.run_job';
export const webhook = 'nautobot.extras.tasks.process_webhook';

/** Database 0 of a Nautobot whose worker has taken a task for later, and which has more waiting. */
export async function fillBroker(client: Redis): Promise<void> {
  await client.sadd('_kombu.binding.default', 'default\x06\x16\x06\x16default');
  await client.sadd('_kombu.binding_permanent.default', 'default\x06\x16\x06\x16default');
  await client.sadd('_kombu.binding.celery.pidbox', '\x06\x16\x06\x16celery@vm.celery.pidbox');
  await client.lpush('default', taskMessage(runJob), taskMessage(webhook), taskMessage(runJob));
  await client.lpush('default\x06\x169', taskMessage(runJob));
  await client.lpush('bulk', oldTaskMessage('plugin.tasks.sync'));
  const later = JSON.parse(taskMessage(runJob, { eta: '2026-11-27T01:25:30+00:00' }));
  await client.hset('unacked', '1f750cc3', JSON.stringify([later, '', 'default']));
  await client.zadd('unacked_index', 1, '1f750cc3');
  await client.set('celery-task-meta-67d082a8', '{"status": "SUCCESS"}');
  await client.set(':1:cached', 'stale');
  await client.rpush('another program', 'not a task');
}

/** What of it stays. */
export const notQueued = [
  ':1:cached',
  '_kombu.binding.celery.pidbox',
  '_kombu.binding.default',
  '_kombu.binding_permanent.default',
  'another program',
  'celery-task-meta-67d082a8',
];
