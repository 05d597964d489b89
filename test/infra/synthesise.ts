import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Configuration } from '../../infra/configuration/schema.ts';
import { deploy } from '../../infra/deployment.ts';
import { newApp } from '../../infra/new-app.ts';

const validate = '@aws-cdk/core:validateAgainstDefaultRules';

export interface Synthesised {
  readonly main: Template;
  /** By the target's name. */
  readonly targets: Readonly<Record<string, Template>>;
}

/** The stacks of a configuration, with a line in place of every handler's bundle. */
export function synthesise(configuration: Configuration): Synthesised {
  // What CloudFormation's rules say of the templates is looked at once, in checks.test.ts.
  const app = newApp({ analyticsReporting: false, context: { [validate]: false } });
  deploy(app, configuration, (profile) => ({ codeOf: () => Code.fromInline('stub'), profile }));
  const assembly = app.synth();
  const template = (name: string) => Template.fromJSON(assembly.getStackByName(name).template);
  const { stackName, targets } = configuration;
  return {
    main: template(stackName),
    targets: Object.fromEntries(targets.map(({ name }) => [name, template(`${stackName}-${name}`)])),
  };
}
