import { Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Configuration } from '../../infra/configuration/schema.ts';
import { deploy } from '../../infra/deployment.ts';
import { newApp } from '../../infra/new-app.ts';

export interface Synthesised {
  readonly main: Template;
  /** By the target's name. */
  readonly targets: Readonly<Record<string, Template>>;
}

/** The stacks of a configuration, with a line in place of every handler's bundle. */
export function synthesise(configuration: Configuration): Synthesised {
  const app = newApp({ analyticsReporting: false });
  deploy(app, configuration, () => Code.fromInline('stub'));
  const assembly = app.synth();
  const template = (name: string) => Template.fromJSON(assembly.getStackByName(name).template);
  const { stackName, targets } = configuration;
  return {
    main: template(stackName),
    targets: Object.fromEntries(targets.map(({ name }) => [name, template(`${stackName}-${name}`)])),
  };
}
