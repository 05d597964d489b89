import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Refusal } from './answers.ts';

/** A request of an S3 client, path-style. */
export interface S3Request {
  readonly method: string;
  readonly bucket: string;
  /** Empty for requests about the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** Whole, out of its chunks, and as its checksums say. */
  readonly body: Buffer;
  /** Base64 of the CRC-32 that came along. */
  readonly crc32: string | undefined;
  readonly accessKey: string;
}

/** @throws S3Refusal for a body that its checksums contradict */
export async function readRequest(message: IncomingMessage): Promise<S3Request> {
  const url = new URL(message.url ?? '/', 'http://localhost');
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(decodeURIComponent(url.pathname)) ?? [];
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, [value].flat().join(',')]),
  );
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  const sent = Buffer.concat(pieces);
  const chunked = /^STREAMING-/.test(headers['x-amz-content-sha256'] ?? '');
  const { body, trailers } = chunked ? outOfChunks(sent) : { body: sent, trailers: {} };
  const all = { ...headers, ...trailers };
  const said = all['x-amz-checksum-crc32'];
  if (said !== undefined && said !== crc32Of(body))
    throw new S3Refusal(400, 'BadDigest', 'The CRC32 you specified did not match the calculated checksum.');
  const md5 = headers['content-md5'];
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64'))
    throw new S3Refusal(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  return {
    method: message.method ?? 'GET',
    bucket,
    key,
    query: url.searchParams,
    headers: all,
    body,
    crc32: said,
    accessKey: /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '',
  };
}

export function crc32Of(body: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}

/** `aws-chunked` ("Signature calculations: transferring payload in multiple chunks", Amazon S3 API reference). */
function outOfChunks(sent: Buffer): { body: Buffer; trailers: Record<string, string> } {
  const chunks: Buffer[] = [];
  let at = 0;
  while (true) {
    const end = sent.indexOf('\r\n', at);
    const size = Number.parseInt(sent.subarray(at, end).toString(), 16);
    at = end + 2;
    if (!(size > 0)) break;
    chunks.push(sent.subarray(at, at + size));
    at += size + 2;
  }
  const trailers = [
    ...sent
      .subarray(at)
      .toString()
      .matchAll(/^([\w-]+):(.*?)\r?$/gm),
  ];
  return {
    body: Buffer.concat(chunks),
    trailers: Object.fromEntries(
      trailers.map(([, name = '', value = '']) => [name.toLowerCase(), value.trim()]),
    ),
  };
}
