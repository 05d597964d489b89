import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { UsageError } from '../../functions/errors/usage.ts';
import type { InputKind } from '../../functions/run/execution-input.ts';
import { stackOutputs as names } from '../../functions/run/stack-outputs.ts';
import { call } from './call.ts';
import { StackUnknown } from './errors.ts';

/** A machine of a deployment that executions are started of. */
export interface DeployedMachine {
  readonly kind: InputKind;
  readonly arn: string;
  /** The staging target that it rebuilds. */
  readonly target?: string;
}

type Outputs = Readonly<Record<string, string>>;

/**
 * The machines of a deployment, by what its stacks say of themselves.
 * @param target leaves out those of other targets; undefined: all
 * @throws StackUnknown, AwsRefused
 */
export async function deployedMachines(stack: string, target?: string): Promise<DeployedMachine[]> {
  const client = new CloudFormationClient({});
  try {
    const main = await outputsOf(client, stack);
    const targets =
      target === undefined
        ? await targetsOf(client, stack, main)
        : [await outputsOf(client, `${stack}-${target}`)];
    const machines = [...machinesIn(main), ...targets.flatMap(machinesIn)];
    if (machines.length === 0)
      throw new StackUnknown(
        `the stack ${stack} has no machines among its outputs; was it made by this program?`,
      );
    return machines;
  } finally {
    client.destroy();
  }
}

/**
 * The one machine that a person means.
 * @throws UsageError where there are several, or none
 */
export function machineFor(
  kind: InputKind,
  machines: readonly DeployedMachine[],
  stack: string,
): DeployedMachine {
  const found = machines.filter((machine) => machine.kind === kind);
  const [only, other] = found;
  if (only && !other) return only;
  if (only)
    throw new UsageError(
      `${stack} has several targets; give --target ${found.map((machine) => machine.target).join(', or --target ')}`,
    );
  throw new UsageError(
    kind === 'backup'
      ? `${stack} makes no backups; it only restores them`
      : `${stack} has no target to ${kind} to; targets are configured in replicator.config.json`,
  );
}

function machinesIn(outputs: Outputs): DeployedMachine[] {
  const target = outputs[names.targetName];
  const machine = (kind: InputKind, name: string): DeployedMachine[] => {
    const arn = outputs[name];
    return arn === undefined ? [] : [{ kind, arn, ...(target !== undefined && { target }) }];
  };
  return [
    ...machine('backup', names.backupMachine),
    ...machine('restore', names.restoreMachine),
    ...machine('replicate', names.replicateMachine),
  ];
}

async function outputsOf(client: CloudFormationClient, name: string): Promise<Outputs> {
  const send = () => client.send(new DescribeStacksCommand({ StackName: name }));
  try {
    const { Stacks } = await call('cloudformation:DescribeStacks', send);
    const [stack] = Stacks ?? [];
    if (stack) return asRecord(stack);
  } catch (error) {
    // CloudFormation has no code of its own for this
    if (!(error instanceof Error && /does not exist/.test(error.message))) throw error;
  }
  throw new StackUnknown(`there is no stack ${name} in ${await client.config.region()}`);
}

/** A target that is configured and not deployed, or no longer, has no stack. */
async function targetsOf(client: CloudFormationClient, stack: string, main: Outputs): Promise<Outputs[]> {
  const targets = main[names.targets]?.split(',').filter(Boolean) ?? [];
  const found = await Promise.all(
    targets.map((target) =>
      outputsOf(client, `${stack}-${target}`).catch((error: unknown) => {
        if (error instanceof StackUnknown) return undefined;
        throw error;
      }),
    ),
  );
  return found.filter((outputs) => outputs !== undefined);
}

function asRecord({ Outputs }: Stack): Outputs {
  return Object.fromEntries(
    (Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey ?? '', OutputValue ?? '']),
  );
}
