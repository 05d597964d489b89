import { errorOf } from '../errors/replicator-error.ts';

export class BadStoreUri extends errorOf({
  code: 'BadStoreUri',
  exitCode: 2,
  meaning: '`--store`, or a bucket of media, is not of the form `s3://bucket/prefix`.',
}) {}

export class BucketMissing extends errorOf({
  code: 'BucketMissing',
  exitCode: 2,
  meaning:
    'There is no bucket of this name where the AWS settings point to. Create it, or correct `--store`.',
}) {}

export class StoreAccessDenied extends errorOf({
  code: 'StoreAccessDenied',
  exitCode: 2,
  meaning:
    'The S3 server refuses an action; the message names it and the key. Grant it to the identity in use.',
}) {}

export class StoreCredentialsMissing extends errorOf({
  code: 'StoreCredentialsMissing',
  exitCode: 2,
  meaning: 'No AWS credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
}) {}

export class StoreCredentialsRejected extends errorOf({
  code: 'StoreCredentialsRejected',
  exitCode: 2,
  meaning: 'The S3 server does not accept the AWS credentials: unknown key, wrong secret, expired session.',
}) {}

export class StoreRegionWrong extends errorOf({
  code: 'StoreRegionWrong',
  exitCode: 2,
  meaning: 'No AWS region is set, or the bucket lies in another one. Set AWS_REGION.',
}) {}

export class StoreUnreachable extends errorOf({
  code: 'StoreUnreachable',
  exitCode: 2,
  meaning: 'The S3 server cannot be reached. Check AWS_ENDPOINT_URL_S3, AWS_REGION and the network.',
}) {}

export class StoreUnavailable extends errorOf({
  code: 'StoreUnavailable',
  exitCode: 1,
  meaning:
    'The S3 server answers that it can not just now (500, 502, 503, 504, slow down); every state of a run is tried again for some minutes.',
}) {}

export class StoreFailed extends errorOf({
  code: 'StoreFailed',
  exitCode: 1,
  meaning:
    'The S3 server refused a request or answered what S3 does not, and would again; the message has its answer.',
}) {}

export class ObjectMissing extends errorOf({
  code: 'ObjectMissing',
  exitCode: 1,
  meaning:
    'An object that was there a moment ago is gone: was it deleted by somebody or by a lifecycle rule?',
}) {}

export class ObjectChanged extends errorOf({
  code: 'ObjectChanged',
  exitCode: 1,
  meaning: 'An object was replaced while it was being read or copied. Repeat the run.',
}) {}

export class ShortRead extends errorOf({
  code: 'ShortRead',
  exitCode: 1,
  meaning: 'The S3 server ended a body early, again and again. Nothing was taken from the short answer.',
}) {}

export class UploadIncomplete extends errorOf({
  code: 'UploadIncomplete',
  exitCode: 1,
  meaning: 'What the S3 server stored is not as long as what was sent. Repeat the run.',
}) {}

export class ObjectInTheWay extends errorOf({
  code: 'ObjectInTheWay',
  exitCode: 1,
  meaning: 'A sealed file would have to replace a different object of the same name, which never happens.',
}) {}

export class FileTooLarge extends errorOf({
  code: 'FileTooLarge',
  exitCode: 1,
  meaning: 'A file is larger than one S3 object can be (10,000 parts of 5 GiB each).',
}) {}
