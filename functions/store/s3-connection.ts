import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { StoreRegionWrong } from './errors.ts';

export interface S3Connection {
  readonly client: S3Client;
  /** Where requests go, for messages. */
  readonly server: string;
  /**
   * Not known to be AWS: conditions (`If-None-Match`) may be ignored, answers may come before the object is whole.
   */
  readonly lenient: boolean;
  /** Requests carry CRC-32: multipart uploads have to name the algorithm on Create, parts and Complete alike. */
  readonly checksums: boolean;
}

/**
 * Makes the client from the standard AWS variables and profiles. Servers other than AWS get path-style addresses
 * and, unless AWS_REQUEST_CHECKSUM_CALCULATION says otherwise, no checksum headers, which some of them refuse.
 */
export async function connect(
  requestHandler: S3ClientConfig['requestHandler'] | undefined,
): Promise<S3Connection> {
  const endpoint = await configuredEndpoint();
  const aws = endpoint === undefined || /\.amazonaws\.com(\.cn)?$/.test(new URL(endpoint).hostname);
  const config: S3ClientConfig = {
    followRegionRedirects: true,
    // Integrity is the chunks' SHA-256 and the files' CRC-32, which the bytes of a range can be checked with.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: requestHandler ?? {
      connectionTimeout: 10_000,
      // Copying a part of a GiB on a slow server is silent for minutes.
      socketTimeout: 300_000,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    },
  };
  // S3 itself is worth waiting for, for a quarter of a minute: what fails for longer fails a run of hours
  if (process.env.AWS_MAX_ATTEMPTS === undefined) config.maxAttempts = aws ? 9 : 5;
  if (endpoint !== undefined) {
    config.endpoint = endpoint;
    config.forcePathStyle = true;
  }
  if (!aws && process.env.AWS_REQUEST_CHECKSUM_CALCULATION === undefined)
    config.requestChecksumCalculation = 'WHEN_REQUIRED';
  const region = await configuredRegion();
  if (region === undefined && endpoint === undefined)
    throw new StoreRegionWrong(
      'no AWS region is configured: set AWS_REGION (or AWS_ENDPOINT_URL_S3 for a server other than AWS)',
    );
  config.region = region ?? 'us-east-1';
  const client = new S3Client(config);
  return {
    client,
    server: endpoint ?? `S3 in ${config.region}`,
    lenient: !aws,
    checksums: (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED',
  };
}

/** AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or the profile's, in the order in which the SDK looks. */
async function configuredEndpoint(): Promise<string | undefined> {
  if (process.env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return undefined;
  const probe = new S3Client({ region: 'us-east-1' });
  const config = probe.config as { serviceConfiguredEndpoint?: () => Promise<string | undefined> };
  const found = config.serviceConfiguredEndpoint
    ? await config.serviceConfiguredEndpoint()
    : process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL;
  probe.destroy();
  if (!found) return undefined;
  if (!URL.canParse(found) || !/^https?:$/.test(new URL(found).protocol))
    throw new StoreRegionWrong(
      `the S3 endpoint ${JSON.stringify(found)} is not a URL: set AWS_ENDPOINT_URL_S3 to one such as http://localhost:9000`,
    );
  return found;
}

async function configuredRegion(): Promise<string | undefined> {
  const probe = new S3Client({});
  try {
    return await probe.config.region();
  } catch {
    return undefined;
  } finally {
    probe.destroy();
  }
}
