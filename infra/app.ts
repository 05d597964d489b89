import { Validations } from 'aws-cdk-lib';
import { SolutionsChecks } from './checks/solutions-checks.ts';
import { findConfiguration } from './configuration/read.ts';
import { deploy } from './deployment.ts';
import { handlerAssets } from './handler-assets.ts';
import { projectFolder } from './handler-sources.ts';
import { newApp } from './new-app.ts';

/** `cdk synth`, or `node infra/app.ts`: no AWS account is asked anything. */
const found = findConfiguration(projectFolder, process.env.REPLICATOR_CONFIG);
const assetsFor = await handlerAssets(found);
const app = newApp();
Validations.of(app).addPlugins(new SolutionsChecks(app));
deploy(app, found.configuration, assetsFor);
app.synth();
