import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SecretsServer {
  /** Leads an SDK here. */
  readonly env: Readonly<Record<string, string>>;
  /** Name or ARN → text; may be changed while it runs. */
  readonly secrets: Map<string, string>;
  /** Who asked for what: access key and secret's id. */
  readonly asked: { readonly key: string; readonly id: string }[];
  stop(): Promise<void>;
}

export interface SecretsOptions {
  /** May the owner of the access key read the secret? Everybody may by default. */
  allows?(key: string, id: string): boolean;
}

/** As much of Secrets Manager as is needed: GetSecretValue. */
export async function startSecrets(options: SecretsOptions = {}): Promise<SecretsServer> {
  const secrets = new Map<string, string>();
  const asked: { key: string; id: string }[] = [];
  const server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (bytes) => body.push(bytes));
    request.on('end', () => {
      const key = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const { SecretId: id } = JSON.parse(Buffer.concat(body).toString()) as { SecretId: string };
      asked.push({ key, id });
      const answer = (status: number, value: object) =>
        response
          .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(value));
      const text = secrets.get(id);
      if (request.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue')
        answer(400, { __type: 'InvalidRequestException', message: 'only GetSecretValue is known here' });
      else if (options.allows?.(key, id) === false)
        answer(400, { __type: 'AccessDeniedException', message: `no right to read ${id}` });
      else if (text === undefined)
        answer(400, { __type: 'ResourceNotFoundException', message: "can't find the specified secret" });
      else answer(200, { ARN: id, Name: id, SecretString: text, VersionId: '1' });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: { AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint },
    secrets,
    asked,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
