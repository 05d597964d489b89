import { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';

type Handler = S3Client['config']['requestHandler'];
type Request = Parameters<Handler['handle']>[0];
type Answer = Awaited<ReturnType<Handler['handle']>>;

/** What goes wrong with one request; undefined: nothing. */
export type Fault =
  /** The body breaks off after so many bytes, with an error or as if it were all. */
  | { readonly kind: 'cut'; readonly after: number; readonly silently?: boolean }
  /** One bit of the body's byte is another. */
  | { readonly kind: 'flip'; readonly at: number }
  /** The server does what it was asked for, and the answer never arrives. */
  | { readonly kind: 'lose answer' }
  /** The server does nothing and says so. */
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string }
  /** Nobody takes the connection. */
  | { readonly kind: 'no connection' }
  /** The server does nothing and answers as if it had stored an empty body. */
  | { readonly kind: 'pretend' };

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** An HTTP handler for `openStore` whose requests fail as the test says; counts them. */
export function faulty(choose: (request: Seen, count: number) => Fault | undefined): {
  handler: Handler;
  requests: Seen[];
} {
  const real = new S3Client({ region: 'us-east-1' }).config.requestHandler;
  const requests: Seen[] = [];
  const handle = async (request: Request, options?: Parameters<Handler['handle']>[1]): Promise<Answer> => {
    const { method, path, query, headers } = request as Request & { query?: Record<string, unknown> };
    const seen = { method, path, query: query ?? {}, headers };
    requests.push(seen);
    const fault = choose(seen, requests.length);
    if (fault?.kind === 'pretend') return made(200, { etag: '"d41d8cd98f00b204e9800998ecf8427e"' }, '');
    if (fault?.kind === 'refuse') return refusal(fault.status, fault.code);
    if (fault?.kind === 'no connection')
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', name: 'ECONNREFUSED' });
    const answer = await real.handle(request, options);
    if (fault?.kind === 'lose answer') {
      for await (const _ of answer.response.body as Readable);
      throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET', name: 'ECONNRESET' });
    }
    if (fault) answer.response.body = Readable.from(spoilt(answer.response.body as Readable, fault));
    return answer;
  };
  const handler = { handle, metadata: real.metadata, destroy() {} } as unknown as Handler;
  return { handler, requests };
}

async function* spoilt(body: Readable, fault: Fault & { kind: 'cut' | 'flip' }): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const start = position;
    position += chunk.length;
    if (fault.kind === 'flip') {
      if (fault.at >= start && fault.at < position)
        chunk[fault.at - start] = (chunk[fault.at - start] ?? 0) ^ 0x10;
      yield chunk;
      continue;
    }
    if (position < fault.after) {
      yield chunk;
      continue;
    }
    yield chunk.subarray(0, fault.after - start);
    if (fault.silently) return;
    throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  }
}

function refusal(statusCode: number, code: string): Answer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>made up</Message></Error>`;
  return made(statusCode, { 'content-type': 'application/xml' }, body);
}

function made(statusCode: number, headers: Record<string, string>, body: string): Answer {
  return {
    response: {
      statusCode,
      headers: { ...headers, 'content-length': String(body.length) },
      body: Readable.from([Buffer.from(body)]),
    },
  } as unknown as Answer;
}
