import { Chain, Fail, JsonPath, Pass } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { z } from 'zod';
import type { InputKind } from '../../functions/run/execution-input.ts';
import type { BackupOptions, RestoreOptions } from '../../functions/run/state.ts';
import { type FunctionOf, lambdaState } from './lambda-state.ts';

/** What a deployment has executions do that don't say otherwise. */
export type BackupDefaults = z.input<typeof BackupOptions>;
export type RestoreDefaults = z.input<typeof RestoreOptions>;

/**
 * The first state of Backup, Restore and Replicate: checks the input and puts the ids and times of the execution into
 * the state, from where all later states take them. A refused input fails the execution with what is wrong with it as
 * its cause; there is no run yet that would have to be cleaned up.
 */
export function begin(
  scope: Construct,
  kind: InputKind,
  functionOf: FunctionOf,
  defaults?: BackupDefaults | RestoreDefaults,
): Chain {
  const state = lambdaState(scope, 'Begin', functionOf, {
    input: {
      kind,
      input: JsonPath.objectAt('$'),
      ...(defaults && { defaults }),
      executionId: JsonPath.stringAt('$$.Execution.Id'),
      startedAt: JsonPath.stringAt('$$.Execution.StartTime'),
    },
  });
  // Lambda's Cause is JSON with a stack trace. In place of the state: an input that is no object takes no field.
  const read = new Pass(scope, 'ReadRefusal', {
    parameters: { refusal: JsonPath.stringToJson(JsonPath.stringAt('$.Cause')) },
  });
  const refused = new Fail(scope, 'InputRefused', {
    error: 'InvalidInput',
    causePath: '$.refusal.errorMessage',
  });
  state.addCatch(read.next(refused), { errors: ['InvalidInput'], resultPath: '$' });
  return Chain.start(state);
}
