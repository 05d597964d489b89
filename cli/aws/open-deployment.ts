import type { DeployedMachine } from './deployment.ts';
import type { Executions } from './executions.ts';

/** What is there of a deployment: its machines, and the client that asks for their executions. */
export interface OpenDeployment {
  readonly machines: readonly DeployedMachine[];
  readonly executions: Executions;
}

/**
 * Loads AWS' clients only now: the other verbs start without them. Who opens it ends `executions`.
 * @throws StackUnknown, AwsRefused
 */
export async function openDeployment(stack: string, target: string | undefined): Promise<OpenDeployment> {
  const [{ deployedMachines }, { Executions }] = await Promise.all([
    import('./deployment.ts'),
    import('./executions.ts'),
  ]);
  return { machines: await deployedMachines(stack, target), executions: new Executions() };
}
