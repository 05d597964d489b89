import type { Question } from './permissions.ts';
import type { S3Request } from './request.ts';

/** Operations by the names of their API. */
export type Operation =
  | 'PutObject'
  | 'CopyObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts'
  | 'ListObjectsV2'
  | 'ListMultipartUploads'
  | 'HeadBucket'
  | 'CreateBucket';

export function operationOf({ method, key, query, headers }: S3Request): Operation | undefined {
  const has = (name: string) => query.has(name);
  if (key === '') {
    if (method === 'HEAD') return 'HeadBucket';
    if (method === 'PUT') return 'CreateBucket';
    if (method === 'POST' && has('delete')) return 'DeleteObjects';
    if (method !== 'GET') return undefined;
    return has('uploads') ? 'ListMultipartUploads' : has('list-type') ? 'ListObjectsV2' : undefined;
  }
  switch (method) {
    case 'HEAD':
      return 'HeadObject';
    case 'GET':
      return has('uploadId') ? 'ListParts' : 'GetObject';
    case 'DELETE':
      return has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'POST':
      return has('uploads')
        ? 'CreateMultipartUpload'
        : has('uploadId')
          ? 'CompleteMultipartUpload'
          : undefined;
    case 'PUT':
      if (!has('partNumber')) return headers['x-amz-copy-source'] ? 'CopyObject' : 'PutObject';
      return headers['x-amz-copy-source'] ? 'UploadPartCopy' : 'UploadPart';
    default:
      return undefined;
  }
}

/** Key of the object that a copy reads. */
export function copySource({ headers }: S3Request): { bucket: string; key: string; versionId?: string } {
  const source = (headers['x-amz-copy-source'] ?? '').replace(/^\//, '');
  const [path = '', versionId] = source.split('?versionId=');
  const [, bucket = '', key = ''] = /^([^/]*)\/(.*)$/s.exec(decodeURIComponent(path)) ?? [];
  return { bucket, key, ...(versionId !== undefined && { versionId }) };
}

/**
 * What has to be allowed for an operation ("Required permissions for Amazon S3 API operations", user guide; for KMS
 * "Protecting data with SSE-KMS").
 * @param key of the bucket's encryption
 */
export function questionsOf(operation: Operation, request: S3Request, key: string | undefined): Question[] {
  const bucket = `arn:aws:s3:::${request.bucket}`;
  const object = `${bucket}/${request.key}`;
  const kms = (...actions: string[]): Question[] =>
    key === undefined ? [] : actions.map((action) => ({ action: `kms:${action}`, resource: key }));
  const put = (creates: boolean): Question => ({
    action: 's3:PutObject',
    resource: object,
    context: {
      's3:ObjectCreationOperation': String(creates),
      's3:if-none-match': request.headers['if-none-match'],
    },
  });
  const read = (resource: string, version: string | null | undefined): Question => ({
    action: version ? 's3:GetObjectVersion' : 's3:GetObject',
    resource,
  });
  switch (operation) {
    case 'PutObject': {
      const retained = request.headers['x-amz-object-lock-mode'] !== undefined;
      const retention = { action: 's3:PutObjectRetention', resource: object };
      return [put(true), ...(retained ? [retention] : []), ...kms('GenerateDataKey')];
    }
    case 'CopyObject': {
      const source = copySource(request);
      const resource = `arn:aws:s3:::${source.bucket}/${source.key}`;
      const copiesTags = request.headers['x-amz-tagging-directive'] !== 'REPLACE';
      return [
        put(true),
        read(resource, source.versionId),
        ...(copiesTags ? [{ action: 's3:GetObjectTagging', resource }] : []),
        ...kms('GenerateDataKey', 'Decrypt'),
      ];
    }
    case 'CreateMultipartUpload':
    case 'UploadPart':
      return [put(false), ...kms('GenerateDataKey', 'Decrypt')];
    case 'UploadPartCopy': {
      const source = copySource(request);
      const from = read(`arn:aws:s3:::${source.bucket}/${source.key}`, source.versionId);
      return [put(false), from, ...kms('GenerateDataKey', 'Decrypt')];
    }
    case 'CompleteMultipartUpload':
      return [put(true), ...kms('Decrypt')];
    case 'GetObject':
    case 'HeadObject':
      return [read(object, request.query.get('versionId')), ...kms('Decrypt')];
    case 'DeleteObject':
      return [{ action: 's3:DeleteObject', resource: object }];
    case 'DeleteObjects':
      return [];
    case 'AbortMultipartUpload':
      return [{ action: 's3:AbortMultipartUpload', resource: object }];
    case 'ListParts':
      return [{ action: 's3:ListMultipartUploadParts', resource: object }];
    case 'ListMultipartUploads':
      return [{ action: 's3:ListBucketMultipartUploads', resource: bucket }];
    case 'ListObjectsV2':
    case 'HeadBucket':
      return [{ action: 's3:ListBucket', resource: bucket }];
    case 'CreateBucket':
      return [{ action: 's3:CreateBucket', resource: bucket }];
  }
}
