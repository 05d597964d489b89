import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type AppProps } from 'aws-cdk-lib';
import { projectFolder } from './handler-sources.ts';

/** An app with the feature flags of cdk.json, whoever starts it: the cdk command, node, or a test. */
export function newApp(props: AppProps = {}): App {
  const { context } = JSON.parse(readFileSync(join(projectFolder, 'cdk.json'), 'utf8'));
  return new App({ ...props, context: { ...context, ...props.context } });
}
