import { ReplicatorError } from '../errors/replicator-error.ts';
import {
  BucketMissing,
  StoreAccessDenied,
  StoreCredentialsMissing,
  StoreCredentialsRejected,
  StoreFailed,
  StoreRegionWrong,
  StoreUnavailable,
  StoreUnreachable,
} from './errors.ts';

/** What the SDK's errors have in common, as far as they have it. */
export interface S3Failure {
  /** `NoSuchKey`, `ECONNREFUSED`, … */
  readonly code: string;
  readonly status: number | undefined;
  /** Requests sent, retries included; 0 when it is not known. */
  readonly attempts: number;
}

export function failureOf(error: unknown): S3Failure {
  if (!(error instanceof Error)) return { code: '', status: undefined, attempts: 0 };
  const { Code, code, $metadata } = error as {
    Code?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: number; attempts?: number };
  };
  const generic = error.name === 'Error' || error.name === 'UnknownError' || error.name === 'AggregateError';
  const named = [Code, generic ? code : undefined, error.name].find((each) => typeof each === 'string');
  return {
    code: String(named ?? ''),
    status: $metadata?.httpStatusCode,
    attempts: $metadata?.attempts ?? 0,
  };
}

export function isMissing(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return (
    code === 'NoSuchKey' ||
    code === 'NotFound' ||
    (status === 404 && code !== 'NoSuchBucket' && code !== 'NoSuchUpload')
  );
}

export function isPreconditionFailed(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return code === 'PreconditionFailed' || status === 412;
}

/** Somebody else is writing the same key at this moment: to be repeated. */
export function isConflict(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return code === 'ConditionalRequestConflict' || code === 'OperationAborted' || status === 409;
}

/** The server says that it cannot do what was asked for. */
export function isNotImplemented(error: unknown): boolean {
  const { code, status } = failureOf(error);
  return code === 'NotImplemented' || code === 'MethodNotAllowed' || status === 501 || status === 405;
}

/** Whether the request may have been carried out although no answer came: network, time-out, 5xx. */
export function isUncertain(error: unknown): boolean {
  if (error instanceof ReplicatorError) return false;
  const { code, status } = failureOf(error);
  return status === undefined ? !/Provider/.test(code) : status >= 500;
}

const rejected = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidToken',
  'TokenRefreshRequired',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'RequestTimeTooSkewed',
  'XAmzContentSHA256Mismatch',
]);

const unavailable = new Set([429, 500, 502, 503, 504]);

const network =
  /^(ECONN\w+|ENOTFOUND|EAI_\w+|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EPIPE|EPROTO|EADDRNOTAVAIL|TimeoutError|NetworkingError|ERR_TLS\w*|ERR_SSL\w*|CERT_\w+|DEPTH_ZERO\w+|SELF_SIGNED\w+|UNABLE_TO\w+|HPE_\w+)$/;

/**
 * Makes of an SDK error one that says what to do.
 * @param doing what was refused, such as `s3:PutObject on s3://bucket/key`
 */
export function explain(error: unknown, at: { bucket: string; doing: string; server: string }): Error {
  if (error instanceof ReplicatorError) return error;
  const { code, status } = failureOf(error);
  const options = { cause: error };
  const said =
    error instanceof Error && error.message !== '' && error.message !== code
      ? `: ${firstLine(error.message)}`
      : '';
  if (code === 'NoSuchBucket')
    return new BucketMissing(
      `there is no bucket ${at.bucket} at ${at.server}: create it, or correct --store, AWS_ENDPOINT_URL_S3 or AWS_PROFILE`,
      options,
    );
  if (code === 'CredentialsProviderError' || code === 'TokenProviderError')
    return new StoreCredentialsMissing(
      `no AWS credentials for ${at.server}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (${code}${said})`,
      options,
    );
  if (rejected.has(code))
    return new StoreCredentialsRejected(
      `${at.server} does not accept the AWS credentials (${code}): check the key, the secret and the clock`,
      options,
    );
  if (
    code === 'PermanentRedirect' ||
    code === 'AuthorizationHeaderMalformed' ||
    code === 'IllegalLocationConstraintException' ||
    status === 301
  )
    return new StoreRegionWrong(
      `bucket ${at.bucket} is not in the region in use (${code}${said}): set AWS_REGION to the bucket's region`,
      options,
    );
  if (status === 403 || status === 401 || code === 'AccessDenied')
    return new StoreAccessDenied(
      `${at.server} refuses ${at.doing} (${code || status}): grant it to the AWS identity in use; without s3:ListBucket S3 also answers so for what does not exist`,
      options,
    );
  if (status === undefined && network.test(code))
    return new StoreUnreachable(
      `cannot reach ${at.server} (${code}${said}): check AWS_ENDPOINT_URL_S3, AWS_REGION and the network`,
      options,
    );
  if (unavailable.has(status ?? 0) || code === 'SlowDown' || code === 'RequestTimeout')
    return new StoreUnavailable(
      `${at.server} can't do ${at.doing} just now (${status ?? ''} ${code}${said})`,
      options,
    );
  const answered = status === undefined ? code : `${status} ${code}`;
  return new StoreFailed(`${at.doing} failed at ${at.server} (${answered}${said})`, options);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
