/** A message of Celery's, as kombu keeps it in Redis. */
export interface Task {
  /** `nautobot.extras.jobs.run_job`; a text in brackets where the message says none. */
  readonly name: string;
  /** It has a time before which it must not run. */
  readonly scheduled: boolean;
}

const unnamed = '(without a name)';
const longestName = 200;

/**
 * Reads a message's envelope; its arguments, which may hold secrets, are left alone.
 * https://docs.celeryq.dev/en/stable/internals/protocol.html: since version 2 the name is a header, in version 1 it is
 * in the body.
 * @returns undefined for what is no message of kombu's
 */
export function taskOf(message: Buffer): Task | undefined {
  const envelope = jsonOf(message.toString('utf8'));
  if (!isRecord(envelope) || typeof envelope.body !== 'string' || !isRecord(envelope.properties))
    return undefined;
  const headers = isRecord(envelope.headers) ? envelope.headers : {};
  if (typeof headers.task === 'string') return named(headers.task, headers.eta);
  const encoded = envelope.properties.body_encoding === 'base64';
  const body = jsonOf(encoded ? Buffer.from(envelope.body, 'base64').toString('utf8') : envelope.body);
  return isRecord(body) && typeof body.task === 'string'
    ? named(body.task, body.eta)
    : { name: unnamed, scheduled: false };
}

/** A message that a worker has taken and not finished: `[message, exchange, routing key]`. */
export function unackedTaskOf(entry: Buffer): Task {
  const [message] = (jsonOf(entry.toString('utf8')) ?? []) as unknown[];
  const task = message === undefined ? undefined : taskOf(Buffer.from(JSON.stringify(message)));
  return task ?? { name: unnamed, scheduled: false };
}

function named(name: string, eta: unknown): Task {
  return { name: name.slice(0, longestName), scheduled: typeof eta === 'string' };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
