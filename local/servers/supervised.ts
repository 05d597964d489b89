import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ServerPlan, SupervisorReport } from './server-plan.ts';

/** A server that runs as long as this process does and no longer, however this process ends. */
export interface SupervisedServer {
  /** Its data and `server.log`; gone after stop(). */
  readonly directory: string;
  /** Of the server itself, for tests that stop or kill it. */
  readonly processId: number;
  /** Resolves with how the server ended, when it ends by itself or by stop(). */
  readonly ended: Promise<string>;
  /** Ends the server and removes its directory; may be called again. */
  stop(): Promise<void>;
}

/** A server didn't come up. `log` is the end of what it wrote. */
export class ServerNotStarted extends Error {
  override readonly name = 'ServerNotStarted';
  readonly log: string;

  constructor(message: string, log: string) {
    super(log === '' ? message : `${message}\n${log}`);
    this.log = log;
  }
}

/** Milliseconds that a server has to come up, on a machine that is busy with other tests. */
const startPatience = 60_000;

/**
 * Starts a server under a supervisor process and waits until `isReady` says yes.
 * @throws ServerNotStarted when it ends before, or is not ready after a minute
 */
export async function startSupervised(
  plan: ServerPlan,
  isReady: () => Promise<boolean>,
): Promise<SupervisedServer> {
  const supervisor = spawn(
    process.execPath,
    ['--no-warnings', fileURLToPath(new URL('supervisor.ts', import.meta.url))],
    { stdio: ['pipe', 'pipe', 'inherit'], detached: true },
  );
  const gone = new Promise<void>((resolve) => {
    supervisor.once('exit', () => resolve());
    supervisor.once('error', () => resolve());
  });
  supervisor.stdin.on('error', () => {});
  supervisor.stdin.write(`${JSON.stringify(plan)}\n`);

  let processId = 0;
  let how: string | undefined;
  const ended = new Promise<string>((resolve) => {
    createInterface({ input: supervisor.stdout }).on('line', (line) => {
      const report = JSON.parse(line) as SupervisorReport;
      if (report.event === 'started') {
        processId = report.processId;
        return;
      }
      how = report.how;
      resolve(how);
    });
    void gone.then(() => {
      how ??= 'its supervisor ended';
      resolve(how);
    });
  });
  const stop = async () => {
    supervisor.ref();
    supervisor.stdin.end();
    await gone;
  };

  const deadline = Date.now() + startPatience;
  while (processId === 0 || !(await isReady())) {
    if (how !== undefined || Date.now() > deadline) {
      const log = await readFile(join(plan.directory, 'server.log'), 'utf8').catch(() => '');
      const reason = how ?? `not ready after ${startPatience / 1000} s`;
      await stop();
      throw new ServerNotStarted(`${plan.serve.file} did not start: ${reason}`, log.slice(-4_000));
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }

  // A program that forgets stop() must still be able to end; the supervisor does the rest.
  supervisor.unref();
  (supervisor.stdin as unknown as Socket).unref();
  (supervisor.stdout as unknown as Socket).unref();
  return { directory: plan.directory, processId, ended, stop };
}

/** A TCP port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('no port was given');
  return address.port;
}

/** Does somebody accept connections on this port of the loopback address? */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * A free port can be taken by somebody else before the server binds it: tries again with another one.
 * @param start throws ServerNotStarted when the port was taken
 */
export async function onFreePort<Server>(start: (port: number) => Promise<Server>): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return await start(port);
    } catch (error) {
      const taken = error instanceof ServerNotStarted && /already in use|EADDRINUSE/i.test(error.log);
      if (!taken || attempt === 5) throw error;
    }
  }
}
