import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { account, type DeployedFunction, region } from './template.ts';

/** An error as the Invoke operation reports it; `name` is what Retry and Catch of a machine match. */
export class FunctionError extends Error {
  readonly trace: readonly string[];

  constructor(errorType: string, message: string, trace: readonly string[] = []) {
    super(message);
    this.name = errorType;
    this.trace = trace;
  }
}

/** What is done to an invocation from outside: the process is killed in the middle, or never gets to run. */
export type Fault = 'dies' | 'hangs';

export interface LambdaOptions {
  readonly functions: ReadonlyMap<string, DeployedFunction>;
  /** Handler → its asset. */
  readonly assets: ReadonlyMap<string, string>;
  /** Where services are, and mounts: what the network and Lambda itself give besides the template. */
  readonly around: Readonly<Record<string, string>>;
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly errorType: string; readonly errorMessage: string; readonly trace: string[] };
}

interface Instance {
  readonly process: ChildProcess;
}

/**
 * Lambda on this machine: every concurrent invocation has a process of its own, which starts in an empty place with
 * nothing but the asset's files and the environment that the template says, stays warm for the next one, and is
 * frozen in between.
 */
export class Lambda {
  readonly #options: LambdaOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'lambda-'));
  readonly #idle = new Map<string, Instance[]>();
  readonly #all = new Map<ChildProcess, string>();
  /** Lines that functions wrote, by function; JSON all of them. */
  readonly log: { readonly name: string; readonly line: Readonly<Record<string, unknown>> }[] = [];
  readonly strayOutput: string[] = [];
  /** By function; in force until it is removed. */
  readonly faults = new Map<string, Fault>();
  /** In place of the template's time-out. */
  readonly seconds = new Map<string, number>();
  readonly starts = new Map<string, number>();
  invocations = 0;

  constructor(options: LambdaOptions) {
    this.#options = options;
    mkdirSync(join(this.#folder, 'home'));
    cpSync(fileURLToPath(new URL('runtime.mjs', import.meta.url)), join(this.#folder, 'runtime.mjs'));
    for (const [handler, asset] of options.assets)
      cpSync(asset, join(this.#folder, 'task', handler), { recursive: true });
  }

  /** Where the asset of a handler lies, as /var/task. */
  assetOf(handler: string): string {
    return join(this.#folder, 'task', handler);
  }

  /** Invoke, RequestResponse. @throws FunctionError */
  async invoke(name: string, event: unknown): Promise<unknown> {
    const deployed = this.#options.functions.get(name);
    if (!deployed) throw new Error(`there is no function ${name}`);
    this.invocations++;
    const instance = this.#idle.get(name)?.pop() ?? (await this.#start(deployed));
    instance.process.kill('SIGCONT');
    const outcome = await this.#run(instance, deployed, event);
    if (instance.process.exitCode === null && instance.process.signalCode === null) {
      instance.process.kill('SIGSTOP');
      this.#idle.set(name, [...(this.#idle.get(name) ?? []), instance]);
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.result;
  }

  async #run(
    { process: child }: Instance,
    { name, seconds: configured, memory }: DeployedFunction,
    event: unknown,
  ): Promise<{ result: unknown } | { error: FunctionError }> {
    const seconds = this.seconds.get(name) ?? configured;
    const awsRequestId = randomUUID();
    const context = {
      awsRequestId,
      functionName: name,
      functionVersion: '$LATEST',
      invokedFunctionArn: `arn:aws:lambda:${region}:${account}:function:${name}`,
      memoryLimitInMB: String(memory),
    };
    const trace = `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`;
    const over = new AbortController();
    const answered = once(child, 'message', { signal: over.signal }) as Promise<[Answer]>;
    const exited = once(child, 'exit', { signal: over.signal }).then(() => 'exited' as const);
    child.send({ event, deadline: Date.now() + seconds * 1000, context, trace });
    const fault = this.faults.get(name);
    if (fault === 'hangs') child.kill('SIGSTOP');
    if (fault === 'dies') child.kill('SIGKILL');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, seconds * 1000, undefined);
    });
    try {
      const first = await Promise.race([answered, exited, late]);
      if (first === 'exited')
        return {
          error: new FunctionError('Runtime.ExitError', `RequestId: ${awsRequestId} Error: Runtime exited`),
        };
      if (first === undefined) {
        child.kill('SIGKILL');
        await exited;
        const said = `RequestId: ${awsRequestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`;
        return { error: new FunctionError('Sandbox.Timedout', said) };
      }
      const [{ result, error }] = first;
      return error
        ? { error: new FunctionError(error.errorType, error.errorMessage, error.trace) }
        : { result };
    } finally {
      clearTimeout(timer);
      for (const event of [answered, exited]) event.catch(() => {});
      over.abort();
    }
  }

  /** Ends all instances of a function, whatever they are doing. */
  kill(name: string): void {
    for (const [child, of] of this.#all) if (of === name) child.kill('SIGKILL');
    this.#idle.delete(name);
  }

  /** Instances that are warm are let go, as when a function's configuration changes. */
  forget(): void {
    for (const instance of [...this.#idle.values()].flat()) instance.process.kill('SIGKILL');
    this.#idle.clear();
  }

  async #start({ name, handler, environment, memory }: DeployedFunction): Promise<Instance> {
    this.starts.set(name, (this.starts.get(name) ?? 0) + 1);
    const task = this.assetOf(handler);
    if (!existsSync(task)) throw new Error(`there is no asset for ${name}`);
    const child = fork(join(this.#folder, 'runtime.mjs'), {
      cwd: task,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // "Defined runtime environment variables", Lambda developer guide
      env: {
        ...environment,
        ...this.#options.around,
        _HANDLER: 'index.handler',
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        AWS_LAMBDA_FUNCTION_NAME: name,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memory),
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
        AWS_ACCESS_KEY_ID: accessKeyOf(name),
        AWS_SECRET_ACCESS_KEY: 'secret',
        AWS_SESSION_TOKEN: 'token',
        LAMBDA_TASK_ROOT: task,
        LAMBDA_RUNTIME_DIR: this.#folder,
        HOME: join(this.#folder, 'home'),
        LANG: 'en_US.UTF-8',
        TZ: ':UTC',
        PATH: '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin',
      },
    });
    this.#all.set(child, name);
    child.on('exit', () => this.#all.delete(child));
    for (const stream of [child.stdout, child.stderr]) this.#read(name, stream);
    const [first] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (typeof first !== 'object')
      throw new FunctionError(
        'Runtime.ExitError',
        `${name} can't be started: ${this.strayOutput.join('\n')}`,
      );
    return { process: child };
  }

  #read(name: string, stream: ChildProcess['stdout']): void {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        try {
          this.log.push({ name, line: JSON.parse(line) });
        } catch {
          this.strayOutput.push(line);
        }
      }
    });
  }

  async stop(): Promise<void> {
    const all = [...this.#all.keys()];
    const ends = all.map((child) => once(child, 'exit'));
    for (const child of all) child.kill('SIGKILL');
    await Promise.all(ends);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Of the credentials that Lambda makes out of a function's role. */
export function accessKeyOf(functionName: string): string {
  return `ASIA${functionName.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')}`;
}
