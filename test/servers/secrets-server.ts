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
  /** Answers to other operations, by `x-amz-target`. */
  readonly others?: Readonly<Record<string, (body: Readonly<Record<string, string>>, key: string) => object>>;
  /** May the owner of the access key read the secret? Everybody may by default. */
  allows?(key: string, id: string): boolean;
}

/** As much of Secrets Manager as is needed: GetSecretValue; and what else is given, of services with the same protocol. */
export async function startSecrets(options: SecretsOptions = {}): Promise<SecretsServer> {
  const secrets = new Map<string, string>();
  const asked: { key: string; id: string }[] = [];
  const server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (bytes) => body.push(bytes));
    request.on('end', () => {
      const key = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const asking = JSON.parse(Buffer.concat(body).toString()) as Record<string, string>;
      const answer = (status: number, value: object) =>
        response
          .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(value));
      const target = String(request.headers['x-amz-target']);
      const other = options.others?.[target];
      if (other) return answer(200, other(asking, key));
      const { SecretId: id = '' } = asking;
      asked.push({ key, id });
      const text = secrets.get(id);
      if (target !== 'secretsmanager.GetSecretValue')
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
