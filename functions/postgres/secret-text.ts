import { SecretUnusable } from './secret-errors.ts';

export const secretScheme = 'secretsmanager://';

/**
 * The text of a secret, by its name or ARN. An ARN says in which region it is.
 * @throws SecretUnusable
 */
export async function secretText(id: string): Promise<string> {
  const { SecretsManagerClient, GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  const region = /^arn:[\w-]+:secretsmanager:([\w-]+):/.exec(id)?.[1];
  const client = new SecretsManagerClient(region === undefined ? {} : { region });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: id }));
    if (!SecretString) throw new SecretUnusable(`the secret ${id} has no text`);
    return SecretString.trim();
  } catch (cause) {
    if (cause instanceof SecretUnusable) throw cause;
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new SecretUnusable(`the secret ${id} can't be read (${why})`, { cause });
  } finally {
    client.destroy();
  }
}

/** A text, or what the secret `secretsmanager://<id>` holds. @throws SecretUnusable */
export async function secretOrText(reference: string): Promise<string> {
  return reference.startsWith(secretScheme) ? secretText(reference.slice(secretScheme.length)) : reference;
}
