import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type IRole, PolicyDocument, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type CfnFunction,
  type Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { memoryOf } from '../functions/estimate/handler-memory.ts';
import type { NetworkPlace } from './constructs/places.ts';
import { handlerNeeds } from './handler-needs.ts';
import { handlerPolicies } from './handler-policies.ts';
import { environmentOf, givenTo, type HandlerSurroundings, mountsOf } from './handler-surroundings.ts';
import { handlerSeconds } from './machines/lambda-state.ts';

/** The code of a handler's function: a directory with `index.mjs`. */
export type CodeOf = (handler: string) => Code;

export interface FunctionOptions {
  /**
   * MiB by handler, where other than usual.
   * @default - by measurements (functions/estimate/handler-memory.ts)
   */
  readonly memory?: Readonly<Record<string, number>> | undefined;
  /**
   * Reserved concurrency by handler.
   * @default - none
   */
  readonly reservedConcurrency?: Readonly<Record<string, number>> | undefined;
  /**
   * Days for which logs are kept.
   * @default 90
   */
  readonly logRetentionDays?: number | undefined;
}

export interface HandlerFunctionsProps extends FunctionOptions {
  /** Begins the names of all functions. */
  readonly name: string;
  readonly codeOf: CodeOf;
  readonly network: NetworkPlace;
  readonly around: HandlerSurroundings;
}

/** One Lambda function a handler, made when a machine first asks for it: Node 24, arm64, in the subnets given. */
export class HandlerFunctions extends Construct {
  readonly #props: HandlerFunctionsProps;
  readonly #made = new Map<string, LambdaFunction>();

  constructor(scope: Construct, id: string, props: HandlerFunctionsProps) {
    super(scope, id);
    this.#props = props;
  }

  /** Functions made so far, by handler. */
  get all(): ReadonlyMap<string, LambdaFunction> {
    return this.#made;
  }

  /** Names of the functions of some handlers, as far as they are made. */
  functionNames(handlers: readonly string[]): string[] {
    return handlers.filter((handler) => this.#made.has(handler)).map((handler) => this.#nameOf(handler));
  }

  functionOf(handler: string): LambdaFunction {
    const made = this.#made.get(handler) ?? this.#make(handler);
    this.#made.set(handler, made);
    return made;
  }

  #make(handler: string): LambdaFunction {
    const needs = handlerNeeds[handler];
    if (!needs) throw new Error(`infra/handler-needs.ts says nothing about the handler ${handler}`);
    const { codeOf, around, network, memory, reservedConcurrency, logRetentionDays = 90 } = this.#props;
    const functionName = this.#nameOf(handler);
    const logGroup = new LogGroup(this, `${handler}Logs`, {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(around.store.ownKey && { encryptionKey: around.store.ownKey }),
    });
    const reserved = reservedConcurrency?.[handler];
    const made = new LambdaFunction(this, handler, {
      functionName,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: codeOf(handler),
      timeout: Duration.seconds(handlerSeconds),
      memorySize: memory?.[handler] ?? memoryOf(handler),
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
      ...(needs.asynchronous && { retryAttempts: 0, maxEventAge: Duration.minutes(2) }),
      environment: environmentOf(needs, around, Stack.of(this)),
      role: this.#role(handler, functionName, logGroup),
      logGroup,
      loggingFormat: LoggingFormat.JSON,
    });
    const resource = made.node.defaultChild as CfnFunction;
    // On the resource itself, because CDK would add rights of its own to the role: to write to mounts, to all of EC2.
    resource.vpcConfig = {
      subnetIds: [...network.subnetIds],
      securityGroupIds: [...network.securityGroupIds],
    };
    resource.tracingConfig = { mode: 'Active' };
    const mounts = mountsOf(givenTo(needs, around));
    if (mounts.length > 1) throw new Error(`Lambda mounts one file system a function, ${handler} wants two`);
    if (mounts.length > 0) resource.fileSystemConfigs = mounts;
    return made;
  }

  /** What a handler's function acts as. */
  roleOf(handler: string): IRole {
    const { role } = this.functionOf(handler);
    if (!role) throw new Error(`the function of ${handler} has no role`);
    return role;
  }

  #nameOf(handler: string): string {
    return `${this.#props.name}-${handler}`;
  }

  #role(handler: string, functionName: string, logGroup: LogGroup): Role {
    const needs = handlerNeeds[handler] ?? {};
    return new Role(this, `${handler}Role`, {
      description: `What the handler ${handler} may do`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: {
        handler: new PolicyDocument({
          statements: handlerPolicies(needs, this.#props.around, { scope: this, functionName, logGroup }),
        }),
      },
    });
  }
}
