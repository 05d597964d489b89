import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What aws-xray-sdk-core wants of cls-hooked, by AsyncLocalStorage: cls-hooked's own hooks run at every promise of the
 * process, rows included. infra/bundle.ts puts it in the place of `cls-hooked/context`.
 */
type Context = Record<string, unknown>;

class Namespace {
  readonly #storage = new AsyncLocalStorage<Context>();
  /** Entered when the module is loaded; the handler is called outside that. */
  #outermost: Context | undefined;

  get active(): Context | undefined {
    return this.#storage.getStore() ?? this.#outermost;
  }

  createContext(): Context {
    return Object.create(this.active ?? null);
  }

  enter(context: Context): void {
    this.#outermost = context;
  }

  run(work: (context: Context) => void): Context {
    const context = this.createContext();
    this.#storage.run(context, work, context);
    return context;
  }

  get(key: string): unknown {
    return this.active?.[key];
  }

  set(key: string, value: unknown): unknown {
    const { active } = this;
    if (active) active[key] = value;
    return value;
  }
}

const namespaces = new Map<string, Namespace>();

export function getNamespace(name: string): Namespace | undefined {
  return namespaces.get(name);
}

export function createNamespace(name: string): Namespace {
  const namespace = new Namespace();
  namespaces.set(name, namespace);
  return namespace;
}

export function destroyNamespace(name: string): void {
  namespaces.delete(name);
}
