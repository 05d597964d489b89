import {
  Chain,
  Choice,
  Condition,
  type IChainable,
  type INextable,
  JsonPath,
  type State,
  type TaskStateBase,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type FunctionOf, type LambdaStateOptions, lambdaState } from './lambda-state.ts';

export interface UntilDoneOptions extends Omit<LambdaStateOptions, 'outputPath'> {
  /** Where the handler's answer goes, `more` in it; `$.progress` where nothing else is wanted of it. */
  readonly resultPath?: string;
}

/**
 * A Task that is entered again, at once and with the same input, as long as its handler answers `more`: work that may
 * outlast a Lambda function is done by as many of its invocations as it takes.
 */
export class UntilDone implements IChainable, INextable {
  readonly id: string;
  readonly startState: State;
  readonly #task: TaskStateBase;
  readonly #whether: Choice;

  constructor(scope: Construct, name: string, functionOf: FunctionOf, options: UntilDoneOptions = {}) {
    const resultPath = options.resultPath ?? '$.progress';
    this.id = name;
    this.#task = lambdaState(scope, name, functionOf, { ...options, resultPath });
    this.#whether = new Choice(scope, `WhetherMoreOf${name}`).when(
      Condition.booleanEquals(JsonPath.stringAt(`${resultPath}.more`), true),
      this.#task,
    );
    this.#task.next(this.#whether);
    this.startState = this.#task;
  }

  get endStates(): INextable[] {
    return [this];
  }

  next(following: IChainable): Chain {
    this.#whether.otherwise(following.startState);
    return Chain.sequence(this, following);
  }

  addCatch(handler: IChainable, props: { errors: string[]; resultPath: string }): this {
    this.#task.addCatch(handler, props);
    return this;
  }
}
