import {
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
import { type Announcement, type Announcements, announce } from './announcements.ts';
import { type FunctionOf, lambdaState } from './lambda-state.ts';
import { longest, waitFor } from './longest.ts';
import { nestedExecution } from './nested-execution.ts';

/** States that can lead elsewhere on an error. */
interface Catching {
  addCatch(handler: IChainable, props: { errors: string[]; resultPath: string }): unknown;
}

/** Leads every error of a state to another state, leaving Error and Cause under a path. */
export function onFailure(state: Catching, next: IChainable, resultPath = '$.caught'): void {
  state.addCatch(next, { errors: ['States.ALL'], resultPath });
}

/**
 * CleanUp as a state of another machine: whatever it does, the run goes on to what is left to do, and how it went is
 * under `$.cleanUp`.
 */
export function cleanUpState(
  scope: Construct,
  name: string,
  parts: { readonly cleanUp: IStateMachine; readonly outcome: string; readonly next: IChainable },
): TaskStateBase & INextable {
  const state = nestedExecution(scope, name, {
    machine: parts.cleanUp,
    input: TaskInput.fromObject({ runId: JsonPath.stringAt('$.run.id'), outcome: parts.outcome }),
    waits: waitFor(longest.cleanUp),
    resultSelector: { status: JsonPath.stringAt('$.Status') },
    resultPath: '$.cleanUp',
  });
  const failed = new Pass(scope, `${name}Failed`, {
    parameters: { status: 'FAILED', caught: JsonPath.objectAt('$.cleanUpFailure') },
    resultPath: '$.cleanUp',
  });
  onFailure(state, failed, '$.cleanUpFailure');
  failed.next(parts.next);
  state.next(parts.next);
  return state;
}

export interface FailurePath {
  /** Where every state's Catch leads to. */
  readonly entry: TaskStateBase;
  /** Where a way back that fails itself leads to: what failed first is known by then. */
  readonly giveUp: State;
}

/** What happens when a run fails: read why, clean up, tell, fail with the first error's own name and message. */
export function failurePath(
  scope: Construct,
  parts: {
    readonly kind: 'Backup' | 'Restore';
    readonly functionOf: FunctionOf;
    readonly cleanUp: IStateMachine;
    readonly announcements: Announcements;
    /** Where it goes from ReadFailure, given the way to the end. */
    readonly decide: (giveUp: State) => IChainable;
  },
): FailurePath {
  const { kind, functionOf, announcements } = parts;
  const entry = lambdaState(scope, 'ReadFailure', functionOf, {
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
  const fail = new Fail(scope, `${kind}Failed`, {
    errorPath: '$.failure.error',
    causePath: '$.failure.message',
  });
  const tell = announce(scope, announcements, failedAnnouncement(kind), fail);
  const announceFailure = lambdaState(scope, 'AnnounceFailure', functionOf, { resultPath: '$.failure' });
  onFailure(announceFailure, tell, '$.announceFailure');
  announceFailure.next(tell);
  const cleanUp = cleanUpState(scope, 'CleanUpAfterFailure', {
    cleanUp: parts.cleanUp,
    outcome: 'failed',
    next: announceFailure,
  });
  onFailure(entry, unread, '$.unread');
  unread.next(cleanUp);
  entry.next(parts.decide(cleanUp));
  return { entry, giveUp: cleanUp };
}

function failedAnnouncement(kind: 'Backup' | 'Restore'): Announcement {
  const [run, error] = [JsonPath.stringAt('$.run.id'), JsonPath.stringAt('$.failure.error')];
  return {
    name: 'Failed',
    detailType: `${kind} Failed`,
    detail: {
      error,
      message: JsonPath.stringAt('$.failure.message'),
      cleanUp: JsonPath.stringAt('$.cleanUp.status'),
    },
    subject: JsonPath.format(`Nautobot ${kind.toLowerCase()} {} failed: {}`, run, error),
    message: JsonPath.format(
      `The ${kind.toLowerCase()} {} failed: {} ({}). Clean-up: {}. Execution: {}`,
      run,
      JsonPath.stringAt('$.failure.message'),
      error,
      JsonPath.stringAt('$.cleanUp.status'),
      JsonPath.stringAt('$.run.executionId'),
    ),
  };
}
