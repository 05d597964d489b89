import { Duration } from 'aws-cdk-lib';
import {
  Chain,
  Fail,
  type IChainable,
  type INextable,
  type IStateMachine,
  JsonPath,
  Pass,
  type State,
  TaskInput,
  type TaskStateBase,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type FunctionOf, lambdaState } from './lambda-state.ts';
import { nestedExecution } from './nested-execution.ts';

/** States that can lead elsewhere on an error. */
interface Catching {
  addCatch(handler: IChainable, props: { errors: string[]; resultPath: string }): unknown;
}

/** Leads every error of a state to another state, leaving Error and Cause under a path. */
export function onFailure(state: Catching, next: IChainable, resultPath = '$.caught'): void {
  state.addCatch(next, { errors: ['States.ALL'], resultPath });
}

/** CleanUp as a state of another machine: whatever it does, the run goes on to what is left to do. */
export function cleanUpState(
  scope: Construct,
  name: string,
  cleanUp: IStateMachine,
  outcome: string,
): TaskStateBase & INextable {
  return nestedExecution(scope, name, {
    machine: cleanUp,
    input: TaskInput.fromObject({ runId: JsonPath.stringAt('$.run.id'), outcome }),
    waits: Duration.hours(2),
    resultPath: JsonPath.DISCARD,
  });
}

export interface FailurePath {
  /** Where every state's Catch leads to. */
  readonly entry: TaskStateBase;
  /** Where a way back that fails itself leads to: what failed first is known by then. */
  readonly giveUp: State;
}

/**
 * What happens when a run fails: read why, clean up, tell, fail with the first error's own name and message.
 * @param failed name of the Fail state
 * @param parts `decide` says where it goes from ReadFailure, given the way to the end
 */
export function failurePath(
  scope: Construct,
  failed: string,
  parts: {
    readonly functionOf: FunctionOf;
    readonly cleanUp: IStateMachine;
    readonly decide: (giveUp: State) => IChainable;
  },
): FailurePath {
  const entry = lambdaState(scope, 'ReadFailure', parts.functionOf, {
    input: { run: JsonPath.objectAt('$.run'), caught: JsonPath.objectAt('$.caught') },
    resultPath: '$.failure',
  });
  // The store may be what failed: then what the machine itself knows has to do.
  const unread = new Pass(scope, 'TakeCaughtError', {
    parameters: {
      startOver: false,
      // Names that begin with `States.` are reserved: a Fail state must not use what was caught as it is.
      error: 'FailureUnread',
      message: JsonPath.jsonToString(JsonPath.objectAt('$.caught')),
      run: JsonPath.objectAt('$.run'),
    },
    resultPath: '$.failure',
  });
  const cleanUp = cleanUpState(scope, 'CleanUpAfterFailure', parts.cleanUp, 'failed');
  const announce = lambdaState(scope, 'AnnounceFailure', parts.functionOf, { resultPath: JsonPath.DISCARD });
  const fail = new Fail(scope, failed, { errorPath: '$.failure.error', causePath: '$.failure.message' });

  onFailure(entry, unread, '$.unread');
  onFailure(cleanUp, announce, '$.cleanUpFailure');
  onFailure(announce, fail, '$.announceFailure');
  Chain.start(cleanUp).next(announce).next(fail);
  unread.next(cleanUp);
  entry.next(parts.decide(cleanUp));
  return { entry, giveUp: cleanUp };
}
