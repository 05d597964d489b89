import { type IStateMachine, Pass, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type Announcement, type Announcements, announce } from './announcements.ts';
import { cleanUpState, onFailure } from './failure-path.ts';
import { type FunctionOf, lambdaState } from './lambda-state.ts';

/**
 * What comes when a run has done its work: clean up, gather what it came to, tell. Nothing that goes wrong in it makes
 * the run a failure.
 * @returns where the end begins
 */
export function successfulEnd(
  scope: Construct,
  parts: {
    readonly kind: 'Backup' | 'Restore';
    readonly functionOf: FunctionOf;
    readonly cleanUp: IStateMachine;
    readonly outcome: 'sealed' | 'restored';
    /** The output where what the run came to could not be gathered. */
    readonly unannounced: Record<string, unknown>;
    readonly announcements: Announcements;
    readonly announcement: Announcement;
  },
): ReturnType<typeof cleanUpState> {
  const { kind, cleanUp, outcome, announcements, announcement } = parts;
  const gather = lambdaState(scope, `Announce${kind}`, parts.functionOf);
  const unannounced = new Pass(scope, 'ReportUnannounced', { parameters: parts.unannounced });
  const tell = announce(scope, announcements, announcement, new Succeed(scope, `${kind}Done`));
  onFailure(gather, unannounced);
  gather.next(tell);
  unannounced.next(tell);
  return cleanUpState(scope, `CleanUpAfter${kind}`, { cleanUp, outcome, next: gather });
}
