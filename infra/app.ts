import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { bundleHandlers } from './bundle.ts';
import { readConfiguration } from './configuration.ts';
import { handlerNeeds } from './handler-needs.ts';
import { projectFolder } from './handler-sources.ts';
import { ReplicatorStack } from './replicator-stack.ts';

/** `cdk synth`, or `node infra/app.ts`: no AWS account is asked anything. */
const configuration = readConfiguration(
  process.env.REPLICATOR_CONFIG ?? join(projectFolder, 'replicator.config.json'),
);
const directories = await bundleHandlers(Object.keys(handlerNeeds));
const app = new App();
new ReplicatorStack(app, configuration.stackName, {
  configuration,
  codeOf: (handler) => Code.fromAsset(directories.get(handler) ?? ''),
});
app.synth();
