import { Code } from 'aws-cdk-lib/aws-lambda';
import { bundleHandlers } from './bundle.ts';
import { findConfiguration } from './configuration/read.ts';
import { deploy } from './deployment.ts';
import { handlerNeeds } from './handler-needs.ts';
import { projectFolder } from './handler-sources.ts';
import { newApp } from './new-app.ts';

/** `cdk synth`, or `node infra/app.ts`: no AWS account is asked anything. */
const { configuration } = findConfiguration(projectFolder, process.env.REPLICATOR_CONFIG);
const directories = await bundleHandlers(Object.keys(handlerNeeds));
const app = newApp();
deploy(app, configuration, (handler) => Code.fromAsset(directories.get(handler) ?? ''));
app.synth();
