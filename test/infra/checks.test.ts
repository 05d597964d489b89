import { Validations } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import { explainedFindings } from '../../infra/checks/explained-findings.ts';
import { SolutionsChecks } from '../../infra/checks/solutions-checks.ts';
import { fullConfiguration, minimalConfiguration } from '../../infra/configuration/examples.ts';
import type { Configuration } from '../../infra/configuration/schema.ts';
import { deploy } from '../../infra/deployment.ts';
import { newApp } from '../../infra/new-app.ts';

function checked(configuration: Configuration, spoil: (app: ReturnType<typeof newApp>) => void = () => {}) {
  const app = newApp({ analyticsReporting: false });
  const checks = new SolutionsChecks(app);
  Validations.of(app).addPlugins(checks);
  deploy(app, configuration, (profile) => ({ codeOf: () => Code.fromInline('stub'), profile }));
  spoil(app);
  return { app, checks };
}

describe("AWS Solutions' rules", () => {
  let used: ReadonlySet<unknown>;
  beforeAll(() => {
    const targets = fullConfiguration.targets.slice(0, 1);
    const { app, checks } = checked({ ...fullConfiguration, targets });
    app.synth();
    used = checks.used;
  });

  test('find nothing in the full configuration but what is explained, and every explanation is needed', () => {
    expect(explainedFindings.filter((finding) => !used.has(finding))).toEqual([]);
  });

  test('find nothing in the minimal configuration but what is explained', () => {
    expect(() => checked(minimalConfiguration).app.synth()).not.toThrow();
  });

  test('fail the synthesis for whatever is not', () => {
    const { app } = checked(minimalConfiguration, ({ node }) => {
      const [main] = node.children;
      if (main) new Bucket(main, 'Careless');
    });
    expect(() => app.synth()).toThrow(/validation/i);
  });

  test('are suppressed for reasons that are sentences', () => {
    for (const { reason } of explainedFindings) expect(reason.split(' ').length).toBeGreaterThan(4);
  });
});
