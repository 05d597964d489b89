import { App } from 'aws-cdk-lib';
import { CfnFunction, Code } from 'aws-cdk-lib/aws-lambda';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { type MachineName, machineNames } from '../local/machine-names.ts';
import { exampleConfiguration } from './configuration.ts';
import { ReplicatorStack } from './replicator-stack.ts';

/** The definition of a machine as plain Amazon States Language. */
export type LocalDefinition = Record<string, unknown>;

/**
 * Synthesises the stack and takes its machines' definitions out of the template, CloudFormation's references replaced
 * by readable ARNs: `arn:aws:lambda:local:000000000000:function:CopyShard`, `…:stateMachine:CleanUp`.
 */
export function localDefinitions(): Record<MachineName, LocalDefinition> {
  const stack = new ReplicatorStack(new App(), 'Local', {
    configuration: exampleConfiguration,
    codeOf: () => Code.fromInline('exports.handler = async () => {};'),
  });
  const names = localNames(stack);
  const definitions = machineNames.map((name) => {
    const resource = stack.machines.all[name].node.defaultChild as CfnStateMachine;
    const text = localText(stack.resolve(resource.definitionString), names);
    return [name, JSON.parse(text) as LocalDefinition] as const;
  });
  return Object.fromEntries(definitions) as Record<MachineName, LocalDefinition>;
}

/** Logical id in the template → ARN on this machine. */
function localNames(stack: ReplicatorStack): Map<string, string> {
  const names = new Map<string, string>();
  for (const construct of stack.node.findAll()) {
    const prefix = `${exampleConfiguration.stackName}-`;
    if (construct instanceof CfnFunction)
      names.set(stack.getLogicalId(construct), lambdaArn(`${construct.functionName}`.slice(prefix.length)));
    if (construct instanceof CfnStateMachine)
      names.set(
        stack.getLogicalId(construct),
        machineArn(`${construct.stateMachineName}`.slice(prefix.length)),
      );
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
