import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { type Answer, S3Refusal } from './answers.ts';
import { Operations } from './operations.ts';
import type { Permissions } from './permissions.ts';
import { operationOf, questionsOf } from './questions.ts';
import { readRequest, type S3Request } from './request.ts';

export interface StrictS3 {
  readonly endpoint: string;
  /** Leads an SDK here, which then sends checksums as to AWS; with the access key of `root`. */
  readonly env: Readonly<Record<string, string>>;
  /** Operations that were asked for: `PutObject key`. */
  readonly log: string[];
  stop(): Promise<void>;
}

export interface StrictS3Options {
  /** Variables that lead to the server behind. */
  readonly upstream: Readonly<Record<string, string>>;
  /** By access key; whatever signs may do everything without it. */
  readonly permissions?: Permissions;
  /** Key of the bucket's encryption, which requests then need rights for. */
  readonly kmsKey?: string | undefined;
  /** Keys on a page of a listing, 1,000 at most. */
  readonly pageSize?: number;
}

/**
 * S3 as AWS documents it, in front of any server of its protocol, which needs to know plain objects only: conditions,
 * checksums, multipart rules, ETags that say nothing, pages, and who may do what.
 */
export async function startStrictS3Proxy(options: StrictS3Options): Promise<StrictS3> {
  const { upstream, permissions, kmsKey, pageSize } = options;
  const behind = new S3Client({
    endpoint: upstream.AWS_ENDPOINT_URL_S3 ?? '',
    region: upstream.AWS_REGION ?? '',
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    credentials: {
      accessKeyId: upstream.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: upstream.AWS_SECRET_ACCESS_KEY ?? '',
    },
  });
  const may = (request: S3Request, action: string, resource: string) =>
    permissions?.allows(request.accessKey, { action, resource }) ?? true;
  const operations = new Operations(behind, { may, ...(pageSize !== undefined && { pageSize }) });
  const log: string[] = [];

  async function answer(request: S3Request): Promise<Answer> {
    const operation = operationOf(request);
    if (!operation) throw new S3Refusal(501, 'NotImplemented', `${request.method} ${request.key}`);
    log.push(`${operation} ${request.key}`);
    for (const question of questionsOf(operation, request, kmsKey))
      if (permissions?.allows(request.accessKey, question) === false)
        throw new S3Refusal(403, 'AccessDenied', `not authorized to perform: ${question.action}`);
    return operations.run(operation, request);
  }

  const server = createServer((message, response) => {
    readRequest(message)
      .then(answer)
      .catch((error: unknown) => refusal(error))
      .then((given) => write(response, message.method === 'HEAD', given))
      .catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint,
    env: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: 'root',
      AWS_SECRET_ACCESS_KEY: 'root-secret',
      AWS_REGION: upstream.AWS_REGION ?? '',
      AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED',
    },
    log,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      behind.destroy();
      await once(server, 'close');
    },
  };
}

/** Also of what the server behind says. */
function refusal(error: unknown): Answer {
  const { status, code, message } = error instanceof S3Refusal ? error : refusalOf(error);
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  };
}

function refusalOf(error: unknown): S3Refusal {
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return status === undefined
    ? new S3Refusal(500, 'InternalError', message)
    : new S3Refusal(status, name, message);
}

function write(response: ServerResponse, isHead: boolean, { status, headers = {}, body = '' }: Answer): void {
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) response.setHeader(name, value);
  response.statusCode = status;
  if (!isHead && status !== 204 && status !== 304)
    response.setHeader('content-length', Buffer.byteLength(body));
  response.end(isHead ? undefined : body);
}
