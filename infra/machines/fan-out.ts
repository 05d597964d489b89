import { DistributedMap, JsonPath, StateMachineType, Succeed } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import { type FunctionOf, lambdaState } from './lambda-state.ts';
import { UntilDone } from './until-done.ts';

export interface FanOutOptions {
  /** The worker's handler, which is its state's name too. */
  readonly worker: string;
  /** Path of the plan's array of shard numbers. */
  readonly shards: string;
  /** The worker is invoked again for its shard as long as it says that there is more. */
  readonly untilDone?: boolean;
  /** What every worker gets beside its `shard`. */
  readonly input: Record<string, unknown>;
  /** The last state of a branch passes nothing on. */
  readonly discardsState?: boolean;
}

/**
 * A worker for every shard, as many at once as the run's `jobs`: a distributed Map, whose children have histories of
 * their own, over an array in the state. Workers leave their results in S3 and return nothing; one that fails ends all.
 */
export function fanOut(
  scope: Construct,
  name: string,
  functionOf: FunctionOf,
  options: FanOutOptions,
): DistributedMap {
  const map = new DistributedMap(scope, name, {
    itemsPath: options.shards,
    itemSelector: { ...options.input, shard: JsonPath.numberAt('$$.Map.Item.Value') },
    maxConcurrencyPath: '$.options.jobs',
    toleratedFailurePercentage: 0,
    mapExecutionType: StateMachineType.STANDARD,
    resultPath: JsonPath.DISCARD,
    ...(options.discardsState && { outputPath: JsonPath.DISCARD }),
  });
  const nothing = { outputPath: JsonPath.DISCARD };
  return map.itemProcessor(
    options.untilDone
      ? new UntilDone(map, options.worker, functionOf).next(
          new Succeed(map, `Done${options.worker}`, nothing),
        )
      : lambdaState(map, options.worker, functionOf, nothing),
  );
}
