import { SecretUnusable } from '../postgres/secret-errors.ts';
import { secretOrText, secretScheme } from '../postgres/secret-text.ts';
import { ConfigurationMissing } from './require.ts';
import type { BrokerSettings } from './surroundings.ts';

/**
 * The Redis URL that a reference stands for: itself, or what the secret `secretsmanager://<id>` holds.
 * @param password for a URL that has none: itself, or `secretsmanager://<id>` of a secret that is the password
 * @throws SecretUnusable; ConfigurationMissing for a reference that is neither
 */
export async function cacheUrlOf(reference: string, password?: string): Promise<string> {
  const url = await secretOrText(reference);
  if (!/^(rediss?|rediss?[+-]sentinel|sentinel):\/\//i.test(url)) {
    if (reference.startsWith(secretScheme))
      throw new SecretUnusable(
        "the cache's secret is not a URL that begins with redis://, rediss:// or redis+sentinel://",
      );
    throw new ConfigurationMissing(
      'what names the cache is not a URL that begins with redis:// or rediss://',
    );
  }
  return password === undefined ? url : withPassword(url, await secretOrText(password));
}

/**
 * The broker of the target, where one is named or a cache's URL says where it is.
 * @throws SecretUnusable, ConfigurationMissing
 */
export async function brokerOf(
  cacheUrl: string | undefined,
  broker: string | undefined,
  sourceBroker: string | undefined,
): Promise<BrokerSettings | undefined> {
  const sourceUrl = sourceBroker === undefined ? undefined : await cacheUrlOf(sourceBroker);
  const url = broker === undefined ? cacheUrl : await cacheUrlOf(broker);
  if (url === undefined) return undefined;
  return { url, fromCache: broker === undefined, ...(sourceUrl !== undefined && { sourceUrl }) };
}

/** Every URL of Celery's list of sentinels gets it. */
function withPassword(text: string, password: string): string {
  const login = (user: string) => `${user}:${encodeURIComponent(password)}@`;
  return text
    .split(';')
    .map((url) =>
      url.replace(
        /^([a-z+-]+:\/\/)(?:([^/?#@:]*)@)?(?=[^/?#@]*([/?#]|$))/i,
        (_, scheme: string, user = '') => `${scheme}${login(user)}`,
      ),
    )
    .join(';');
}
