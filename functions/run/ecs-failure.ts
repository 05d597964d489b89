import { z } from 'zod';

/** As much as counts of the description of an ECS task that `ecs:runTask.sync` fails with. */
const EndedTask = z.object({
  TaskArn: z.string(),
  StoppedReason: z.string().optional(),
  Containers: z.array(
    z.object({ Name: z.string().optional(), ExitCode: z.number().optional(), Reason: z.string().optional() }),
  ),
});

/**
 * Why a command on ECS failed, in a sentence; the whole description would be pages long.
 * @param cause of the state's error
 * @returns undefined where it is no ended task's
 */
export function ecsFailure(cause: unknown): string | undefined {
  const task = EndedTask.safeParse(cause).data;
  if (!task) return undefined;
  const container = task.Containers.find(({ ExitCode }) => ExitCode !== 0) ?? task.Containers[0];
  const how =
    container?.ExitCode === undefined ? 'never ran to its end' : `ended with exit code ${container.ExitCode}`;
  const why = [container?.Reason, task.StoppedReason].filter(Boolean).join('; ');
  return `the command of the container ${container?.Name ?? '?'} ${how}${why && ` (${why})`}; its log says more: ${task.TaskArn}`;
}
