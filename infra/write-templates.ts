import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { exampleConfigurations } from './configuration/examples.ts';
import { deploy } from './deployment.ts';
import { projectFolder } from './handler-sources.ts';
import { newApp } from './new-app.ts';

/**
 * Writes the templates of a minimal and of a full configuration to `build/templates/`, for tools that read templates.
 * A line stands in place of every handler's bundle.
 */
const folder = join(projectFolder, 'build', 'templates');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, configuration] of Object.entries(exampleConfigurations)) {
  const app = newApp({ analyticsReporting: false });
  const codeOf = () => Code.fromInline('exports.handler = async () => {};');
  deploy(app, configuration, (profile) => ({ codeOf, profile }));
  for (const { stackName, template } of app.synth().stacks)
    writeFileSync(join(folder, `${name}.${stackName}.template.json`), JSON.stringify(template, null, 1));
}
