import { numberBetween, option, text } from './values.ts';

/** A deployed stack and its executions. */

export const stack = option({
  value: 'NAME',
  environment: 'REPLICATOR_STACK_NAME',
  help: 'CloudFormation stack of the deployment (stackName of its configuration). AWS_REGION, AWS_PROFILE … say where.',
  schema: text,
});

export const deployedTarget = option({
  value: 'NAME',
  help: 'Staging target, by its name in the configuration; needed where there are several.',
  schema: text.optional(),
});

export const executionsShown = option({
  value: 'N',
  help: 'How many executions to show; 10 by default.',
  schema: numberBetween(1, 1000).default(10),
});
