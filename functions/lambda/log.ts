import { Logger } from '@aws-lambda-powertools/logger';
import type { LambdaContext } from '../run/lambda-surroundings.ts';
import type { InvocationFields } from './invocation.ts';

const logger = new Logger({ serviceName: 'nautobot-replicator' });

/** The log of one invocation: a line of JSON each, with its fields (Powertools' Logger). Never told inputs or outputs. */
export class InvocationLog {
  readonly #fields: InvocationFields;

  constructor(fields: InvocationFields, context: LambdaContext) {
    this.#fields = fields;
    if (isWhole(context)) logger.addContext(context);
  }

  info(message: string, more: Readonly<Record<string, unknown>> = {}): void {
    logger.info({ message, ...this.#fields, ...more });
  }

  warn(message: string): void {
    logger.warn({ message, ...this.#fields });
  }

  /** Name, words and stack of an error and what caused it; nothing else that hangs on it. */
  error(error: unknown, more: Readonly<Record<string, unknown>> = {}): void {
    const { message, ...described } = describe(error);
    logger.error({ message, ...this.#fields, ...described, ...more });
  }
}

function describe(error: unknown): { message: string; error: string; stack?: string; cause?: string } {
  if (!(error instanceof Error)) return { message: String(error), error: 'Error' };
  const { cause } = error;
  return {
    message: error.message,
    error: error.name,
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(cause instanceof Error && { cause: `${cause.name}: ${cause.message}` }),
  };
}

type WholeContext = Parameters<Logger['addContext']>[0];

/** Lambda's own; tests and other callers may hand in less. */
function isWhole(context: LambdaContext): context is LambdaContext & WholeContext {
  return context.awsRequestId !== undefined && 'functionName' in context;
}
