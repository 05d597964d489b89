import { Stack } from 'aws-cdk-lib';
import { CfnFunction, Code } from 'aws-cdk-lib/aws-lambda';
import { CfnStateMachine, type StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { type MachineName, machineNames } from '../local/machine-names.ts';
import { exampleConfiguration } from './configuration/examples.ts';
import { BackupStore } from './constructs/backup-store.ts';
import { NautobotSource } from './constructs/nautobot-source.ts';
import { Replication } from './constructs/replication.ts';
import { StagingTarget } from './constructs/staging-target.ts';
import { newApp } from './new-app.ts';

/** The definition of a machine as plain Amazon States Language. */
export type LocalDefinition = Record<string, unknown>;

const deployment = 'Local';
const targetName = 'target';

/**
 * Synthesises a source and a target and takes their machines' definitions out of the template, CloudFormation's
 * references replaced by readable ARNs: `arn:aws:lambda:local:000000000000:function:CopyShard`, `…:stateMachine:CleanUp`.
 */
export function localDefinitions(): Record<MachineName, LocalDefinition> {
  const stack = new Stack(newApp(), deployment);
  const machines = machinesIn(stack);
  const names = localNames(stack);
  const definitions = machineNames.map((name) => {
    const resource = machines[name].node.defaultChild as CfnStateMachine;
    const text = localText(stack.resolve(resource.definitionString), names);
    return [name, JSON.parse(text) as LocalDefinition] as const;
  });
  return Object.fromEntries(definitions) as Record<MachineName, LocalDefinition>;
}

/** Of the source's and the target's CleanUp, which are the same, one. */
function machinesIn(stack: Stack): Readonly<Record<MachineName, StateMachine>> {
  const { network } = exampleConfiguration;
  const database = { secretArn: 'arn:aws:secretsmanager:local:000000000000:secret:database' };
  const codeOf = () => Code.fromInline('exports.handler = async () => {};');
  const common = {
    deployment,
    network,
    database,
    codeOf,
    store: new BackupStore(stack, 'Store', { deployment }),
  };
  const source = new NautobotSource(stack, 'Source', common);
  const target = new StagingTarget(stack, 'Target', { ...common, targetName });
  const { replicate } = new Replication(stack, 'Replication', { source, target });
  return {
    backup: source.backup,
    restore: target.restore,
    replicate,
    'clean-up': source.cleanUp,
    'keep-snapshot': source.keepSnapshot,
  };
}

/** Logical id in the template → ARN on this machine. */
function localNames(stack: Stack): Map<string, string> {
  const names = new Map<string, string>();
  const local = (name: unknown) => `${name}`.replace(/^Local-(target-)?/, '');
  for (const construct of stack.node.findAll()) {
    if (construct instanceof CfnFunction)
      names.set(stack.getLogicalId(construct), lambdaArn(local(construct.functionName)));
    if (construct instanceof CfnStateMachine)
      names.set(stack.getLogicalId(construct), machineArn(local(construct.stateMachineName)));
  }
  return names;
}
const lambdaArn = (name: string) => `arn:aws:lambda:local:000000000000:function:${name}`;
const machineArn = (name: string) => `arn:aws:states:local:000000000000:stateMachine:${name}`;

const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'local',
  'AWS::AccountId': '000000000000',
};

type Resolved = string | Resolved[] | { readonly [key: string]: Resolved };

function localText(value: Resolved, names: ReadonlyMap<string, string>): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) {
    const join = value['Fn::Join'];
    if (Array.isArray(join) && Array.isArray(join[1]))
      return join[1].map((part) => localText(part, names)).join(join[0] as string);
    const attribute = value['Fn::GetAtt'];
    const id = value.Ref ?? (Array.isArray(attribute) ? attribute[0] : undefined);
    const name = typeof id === 'string' ? (pseudoParameters[id] ?? names.get(id)) : undefined;
    if (name) return name;
  }
  throw new Error(`a definition refers to what has no local counterpart: ${JSON.stringify(value)}`);
}
