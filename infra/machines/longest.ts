import { Duration } from 'aws-cdk-lib';

/**
 * How long executions may go on before Step Functions ends them. Each is shorter than what waits for it, so that a
 * machine's own time-out is seen as such.
 */
export const longest = {
  backup: Duration.days(7),
  restore: Duration.days(7),
  replicate: Duration.days(15),
  /** Ends by itself when the backup has. */
  keepSnapshot: Duration.days(8),
  cleanUp: Duration.hours(2),
} as const;

/** Until a nested execution has ended, and its end has been noticed. */
export function waitFor(execution: Duration): Duration {
  return Duration.seconds(execution.toSeconds() + 600);
}
