/**
 * A function's credentials are in its environment (Lambda developer guide, "Defined runtime environment variables").
 * infra/bundle.ts puts this in the place of `@aws-sdk/credential-provider-node` and `@aws-sdk/credential-providers`,
 * which bring clients for single sign-on, web identities and profiles along.
 */
export const defaultProvider = () => async () => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY)
    throw Object.assign(new Error('there are no AWS credentials in the environment'), {
      name: 'CredentialsProviderError',
    });
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
  };
};

export const fromNodeProviderChain = defaultProvider;
