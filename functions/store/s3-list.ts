import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { StoreFailed } from './errors.ts';
import type { ObjectFacts, PendingUpload } from './object-store.ts';
import type { S3Context } from './s3-context.ts';
import { failureOf, isMissing, isNotImplemented } from './s3-failures.ts';

interface Page {
  readonly objects: ObjectFacts[];
  readonly folders: string[];
  /** Asks for the page after this one. */
  readonly next: (() => Promise<Page>) | undefined;
}

export async function* list(s3: S3Context, under: string): AsyncGenerator<ObjectFacts, void, undefined> {
  for await (const page of pages(s3, under, undefined)) yield* page.objects;
}

export async function listFolders(s3: S3Context, under: string): Promise<string[]> {
  const found = new Set<string>();
  for await (const page of pages(s3, under, '/')) {
    for (const folder of page.folders) found.add(folder.slice(under.length, -1));
  }
  return [...found].sort();
}

async function* pages(
  s3: S3Context,
  under: string,
  delimiter: '/' | undefined,
): AsyncGenerator<Page, void, undefined> {
  const signal = s3.signalOf();
  const ask = (next: () => Promise<Page>) => s3.doing('s3:ListBucket', under, signal, next);
  let page: Page | undefined = await ask(() => firstPage(s3, under, delimiter));
  while (page) {
    yield page;
    page = page.next ? await ask(page.next) : undefined;
  }
}

/** ListObjectsV2, or its elder where a server fails at it (s3rver can't make the token of a second page). */
async function firstPage(s3: S3Context, under: string, delimiter: '/' | undefined): Promise<Page> {
  try {
    return await newerPage(s3, under, delimiter, undefined);
  } catch (error) {
    const { status } = failureOf(error);
    const { lenient } = await s3.connection();
    if (!lenient || !(isNotImplemented(error) || status === 500)) throw error;
    return elderPage(s3, under, delimiter, undefined);
  }
}

async function newerPage(
  s3: S3Context,
  under: string,
  delimiter: '/' | undefined,
  token: string | undefined,
): Promise<Page> {
  const command = new ListObjectsV2Command({
    Bucket: s3.bucket,
    Prefix: `${s3.prefix}${under}`,
    ...(delimiter && { Delimiter: delimiter }),
    ...(token !== undefined && { ContinuationToken: token }),
  });
  const answer = await s3.send((client, sending) => client.send(command, sending), s3.signalOf());
  const more = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
  if (answer.IsTruncated && more === undefined)
    throw new StoreFailed(
      `listing ${s3.uri(under)}: the server says that there is more but not how to get it`,
    );
  return {
    ...contents(s3, answer),
    next: more === undefined ? undefined : () => newerPage(s3, under, delimiter, more),
  };
}

async function elderPage(
  s3: S3Context,
  under: string,
  delimiter: '/' | undefined,
  marker: string | undefined,
): Promise<Page> {
  const command = new ListObjectsCommand({
    Bucket: s3.bucket,
    Prefix: `${s3.prefix}${under}`,
    ...(delimiter && { Delimiter: delimiter }),
    ...(marker !== undefined && { Marker: marker }),
  });
  const answer = await s3.send((client, sending) => client.send(command, sending), s3.signalOf());
  // NextMarker comes with a delimiter only; else it is the last key.
  const last = answer.NextMarker ?? answer.Contents?.at(-1)?.Key;
  const more = answer.IsTruncated === true ? last : undefined;
  if (answer.IsTruncated && (more === undefined || more === marker))
    throw new StoreFailed(
      `listing ${s3.uri(under)}: the server says that there is more but not how to get it`,
    );
  return {
    ...contents(s3, answer),
    next: more === undefined ? undefined : () => elderPage(s3, under, delimiter, more),
  };
}

interface ListedObject {
  Key?: string | undefined;
  Size?: number | undefined;
  ETag?: string | undefined;
  LastModified?: Date | undefined;
}

function contents(
  s3: S3Context,
  answer: {
    Contents?: ListedObject[] | undefined;
    CommonPrefixes?: { Prefix?: string | undefined }[] | undefined;
  },
): { objects: ObjectFacts[]; folders: string[] } {
  const objects: ObjectFacts[] = [];
  for (const { Key, Size, ETag, LastModified } of answer.Contents ?? []) {
    if (!Key?.startsWith(s3.prefix)) continue;
    objects.push({
      key: Key.slice(s3.prefix.length),
      size: Size ?? 0,
      etag: ETag ?? '',
      ...(LastModified && { lastModified: LastModified }),
    });
  }
  const folders = (answer.CommonPrefixes ?? []).flatMap(({ Prefix }) =>
    Prefix?.startsWith(s3.prefix) ? [Prefix.slice(s3.prefix.length)] : [],
  );
  return { objects, folders };
}

/** DeleteObjects takes this many at once. */
const deletedAtOnce = 1000;

export async function remove(s3: S3Context, keys: readonly string[]): Promise<void> {
  const signal = s3.signalOf();
  for (let from = 0; from < keys.length; from += deletedAtOnce) {
    const some = keys.slice(from, from + deletedAtOnce);
    const first = some[0] ?? '';
    await s3.doing('s3:DeleteObject', first, signal, () =>
      some.length === 1 ? removeOne(s3, first) : removeSome(s3, some),
    );
  }
}

async function removeSome(s3: S3Context, keys: readonly string[]): Promise<void> {
  const command = new DeleteObjectsCommand({
    Bucket: s3.bucket,
    Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: s3.at(key).Key })) },
  });
  let left: readonly string[] = keys;
  try {
    const answer = await s3.send((client, sending) => client.send(command, sending), s3.signalOf());
    left = (answer.Errors ?? []).flatMap(({ Key }) =>
      Key?.startsWith(s3.prefix) ? [Key.slice(s3.prefix.length)] : [],
    );
  } catch (error) {
    // Servers differ in the checksum that they demand of this one request: then one by one.
    const { status } = failureOf(error);
    if (!isNotImplemented(error) && status !== 400) throw error;
  }
  for (let from = 0; from < left.length; from += 8)
    await Promise.all(left.slice(from, from + 8).map((key) => removeOne(s3, key)));
}

async function removeOne(s3: S3Context, key: string): Promise<void> {
  try {
    await s3.send(
      (client, sending) => client.send(new DeleteObjectCommand(s3.at(key)), sending),
      s3.signalOf(),
    );
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

export async function listUploads(s3: S3Context, under: string): Promise<PendingUpload[]> {
  const signal = s3.signalOf();
  return s3.doing('s3:ListBucketMultipartUploads', under, signal, async () => {
    const found: PendingUpload[] = [];
    let keyMarker: string | undefined;
    let idMarker: string | undefined;
    for (;;) {
      const command = new ListMultipartUploadsCommand({
        Bucket: s3.bucket,
        Prefix: `${s3.prefix}${under}`,
        ...(keyMarker !== undefined && { KeyMarker: keyMarker }),
        ...(idMarker !== undefined && { UploadIdMarker: idMarker }),
      });
      let answer: Awaited<ReturnType<typeof send>>;
      const send = () => s3.send((client, sending) => client.send(command, sending), signal);
      try {
        answer = await send();
      } catch (error) {
        // Who can't list them can't be asked to remove them either.
        if (isNotImplemented(error)) return found;
        throw error;
      }
      for (const { Key, UploadId } of answer.Uploads ?? []) {
        if (UploadId === undefined || !Key?.startsWith(`${s3.prefix}${under}`)) continue;
        found.push({ key: Key.slice(s3.prefix.length), uploadId: UploadId });
      }
      const stuck = answer.NextKeyMarker === keyMarker && answer.NextUploadIdMarker === idMarker;
      if (!answer.IsTruncated || answer.NextKeyMarker === undefined || stuck) return found;
      keyMarker = answer.NextKeyMarker;
      idMarker = answer.NextUploadIdMarker;
    }
  });
}

/** Repeatable: an upload that is gone is not an error. */
export async function abortUpload(s3: S3Context, upload: PendingUpload, signal?: AbortSignal): Promise<void> {
  await s3.doing('s3:AbortMultipartUpload', upload.key, signal, async () => {
    const command = new AbortMultipartUploadCommand({ ...s3.at(upload.key), UploadId: upload.uploadId });
    try {
      await s3.send((client, sending) => client.send(command, sending), signal);
    } catch (error) {
      const { code, status } = failureOf(error);
      // s3rver has no abort, and names it in a way of its own.
      if (code !== 'NoSuchUpload' && status !== 404 && !isNotImplemented(error)) throw error;
    }
  });
}
