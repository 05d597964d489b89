import { Code } from 'aws-cdk-lib/aws-lambda';
import { stringify } from 'yaml';
import type { Configuration } from './configuration/schema.ts';
import { deploy } from './deployment.ts';
import { newApp } from './new-app.ts';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

/**
 * The templates of a configuration as texts to be compared: stack → YAML. Left out is what is written down elsewhere:
 * the machines' definitions (local/definitions/), bundles, what handlers may do (test/infra/handler-rights.test.ts), and tags.
 */
export function templateTexts(configuration: Configuration): Readonly<Record<string, string>> {
  const app = newApp({
    analyticsReporting: false,
    context: { '@aws-cdk/core:validateAgainstDefaultRules': false },
  });
  const codeOf = () => Code.fromInline('bundle');
  deploy(app, configuration, (profile) => ({ codeOf, profile }));
  return Object.fromEntries(
    app.synth().stacks.map(({ stackName, template }) => [stackName, textOf(template.Resources)]),
  );
}

function textOf(resources: Readonly<Record<string, Resource>>): string {
  const shown = Object.entries(resources).map(([id, { Type, Properties = {}, ...rest }]) => {
    const { Tags: _, ...properties } = Properties;
    const { Metadata: __, ...others } = rest as Record<string, unknown>;
    return [id, { Type, Properties: { ...properties, ...elsewhere(Type, properties) }, ...others }] as const;
  });
  return stringify(Object.fromEntries(shown), { lineWidth: 0, aliasDuplicateObjects: false });
}

function elsewhere(type: string, properties: Readonly<Record<string, unknown>>): Record<string, string> {
  if (type === 'AWS::StepFunctions::StateMachine') return { DefinitionString: '…' };
  const isHandler = /^What the handler/.test(String(properties.Description));
  return type === 'AWS::IAM::Role' && isHandler ? { Policies: '…' } : {};
}
