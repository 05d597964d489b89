/**
 * Is an execution of Step Functions still running? Unknown counts as yes: a lock is taken over only from who has ended.
 * An execution that Step Functions no longer remembers (90 days) has ended.
 */
export async function isExecutionRunning(arn: string): Promise<boolean> {
  const { DescribeExecutionCommand, SFNClient } = await import('@aws-sdk/client-sfn');
  try {
    const { status } = await new SFNClient({}).send(new DescribeExecutionCommand({ executionArn: arn }));
    return status === undefined || status === 'RUNNING' || status === 'PENDING_REDRIVE';
  } catch (error) {
    return !(error instanceof Error && error.name === 'ExecutionDoesNotExist');
  }
}
