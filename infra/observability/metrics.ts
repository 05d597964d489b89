import { Duration } from 'aws-cdk-lib';
import { type IMetric, MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type MetricName, metricDimensions, metricNamespace } from '../../functions/run/metric-names.ts';

/** Whose metrics: those of a deployment's source, or of one of its targets. */
export type Measured =
  | { readonly deployment: string; readonly sourceName: string }
  | { readonly deployment: string; readonly targetName: string };

const period = Duration.minutes(5);

/** What handlers measure themselves (functions/run/metric-names.ts). */
export function handlerMetric(name: MetricName, of: Measured, statistic: string): Metric {
  return new Metric({
    namespace: metricNamespace,
    metricName: name,
    dimensionsMap: {
      [metricDimensions.stack]: of.deployment,
      ...('sourceName' in of
        ? { [metricDimensions.source]: of.sourceName }
        : { [metricDimensions.target]: of.targetName }),
    },
    statistic,
    period,
  });
}

export type ExecutionMetric =
  | 'ExecutionsStarted'
  | 'ExecutionsSucceeded'
  | 'ExecutionsFailed'
  | 'ExecutionsTimedOut'
  | 'ExecutionsAborted'
  | 'ExecutionThrottled';

/** What Step Functions measures of a machine, counted. */
export function executionMetric(metricName: ExecutionMetric, stateMachineArn: string): Metric {
  return new Metric({
    namespace: 'AWS/States',
    metricName,
    dimensionsMap: { StateMachineArn: stateMachineArn },
    statistic: Stats.SUM,
    period,
  });
}

/** Executions that came to a bad end, whichever. */
export function failedExecutions(stateMachineArn: string): MathExpression {
  return sum({
    failed: executionMetric('ExecutionsFailed', stateMachineArn),
    timedOut: executionMetric('ExecutionsTimedOut', stateMachineArn),
    aborted: executionMetric('ExecutionsAborted', stateMachineArn),
  });
}

/** Of several functions, invocations that Lambda had no place for. */
export function throttledInvocations(functionNames: readonly string[]): MathExpression {
  return sum(
    Object.fromEntries(
      functionNames.map((FunctionName, index) => [
        `function${index}`,
        new Metric({
          namespace: 'AWS/Lambda',
          metricName: 'Throttles',
          dimensionsMap: { FunctionName },
          statistic: Stats.SUM,
          period,
        }),
      ]),
    ),
  );
}

function sum(usingMetrics: Record<string, IMetric>): MathExpression {
  const filled = Object.keys(usingMetrics).map((name) => `FILL(${name}, 0)`);
  return new MathExpression({ expression: filled.join(' + '), usingMetrics, period });
}
