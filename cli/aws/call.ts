import { AwsRefused } from './errors.ts';

const refusals =
  /^(AccessDenied|UnauthorizedOperation|UnrecognizedClient|InvalidClientTokenId|ExpiredToken|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|CredentialsProviderError|TokenProviderError)/;

/**
 * A call of an AWS API, its refusals in the words of this program.
 * @param action as IAM calls it: `states:StartExecution`
 * @throws AwsRefused, and what the SDK throws otherwise
 */
export async function call<Answer>(action: string, send: () => Promise<Answer>): Promise<Answer> {
  try {
    return await send();
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    if (/region is missing/i.test(message))
      throw new AwsRefused('no AWS region is set; set AWS_REGION', { cause: error });
    if (refusals.test(name)) throw new AwsRefused(`${action}: ${message} (${name})`, { cause: error });
    throw error;
  }
}
