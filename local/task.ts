import type { StateDefinition } from './definition.ts';
import { DefinitionRefused } from './errors.ts';
import { type MachineName, machineNames } from './machine-names.ts';

/** What a Task does. Anything else has no meaning on this machine and is refused before a run begins. */
export type Task =
  | { readonly kind: 'handler'; readonly handler: string }
  /** Lambda's `InvocationType: Event`: started, not waited for. */
  | { readonly kind: 'event'; readonly handler: string }
  | { readonly kind: 'execution'; readonly machine: MachineName; readonly waits: boolean }
  | { readonly kind: 'describe' }
  /** An event or a notification: whoever runs a machine here sees how it ends. */
  | { readonly kind: 'announcement' };

const lambdaFunction = /^arn:[\w-]+:lambda:[\w-]*:\d*:function:([\w-]+)$/;
const stateMachine = /^arn:[\w-]+:states:[\w-]*:\d*:stateMachine:([\w-]+)$/;
const integration = /^arn:[\w-]+:states:::(.+)$/;

/** A command of the operator's: here it is the shell command that the handler of the state's name runs. */
const commandOnEcs = 'ecs:runTask.sync';

export function isCommandOnEcs(state: StateDefinition): boolean {
  return integration.exec(state.Resource ?? '')?.[1] === commandOnEcs;
}

/** @throws DefinitionRefused for a resource that the runner has no counterpart of */
export function taskOf(name: string, state: StateDefinition): Task {
  const resource = state.Resource ?? '';
  const handler = lambdaFunction.exec(resource)?.[1];
  if (handler) return { kind: 'handler', handler };
  const service = integration.exec(resource)?.[1];
  const parameters = state.Parameters ?? {};
  if (service === 'lambda:invoke' && parameters.InvocationType === 'Event') {
    const invoked = lambdaFunction.exec(String(parameters.FunctionName))?.[1];
    if (invoked) return { kind: 'event', handler: invoked };
  }
  if (service === 'states:startExecution' || service === 'states:startExecution.sync:2') {
    const machine = kebab(stateMachine.exec(String(parameters.StateMachineArn))?.[1] ?? '');
    const known = machineNames.find((candidate) => candidate === machine);
    if (known) return { kind: 'execution', machine: known, waits: service.endsWith('.sync:2') };
  }
  if (service === 'aws-sdk:sfn:describeExecution') return { kind: 'describe' };
  if (service === 'events:putEvents' || service === 'sns:publish') return { kind: 'announcement' };
  if (service === commandOnEcs) return { kind: 'handler', handler: name };
  throw new DefinitionRefused(`the state ${name} uses ${resource}, which has no counterpart on this machine`);
}

/** `KeepSnapshot` → `keep-snapshot` */
function kebab(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase();
}
