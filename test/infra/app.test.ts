import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { handlerNeeds } from '../../infra/handler-needs.ts';
import { projectFolder } from '../../infra/handler-sources.ts';

test('the stacks are synthesised without an account, a region or a configuration file', async () => {
  const output = mkdtempSync(join(tmpdir(), 'cdk-out-'));
  try {
    const app = join(projectFolder, 'infra', 'app.ts');
    const env = { CDK_OUTDIR: output, HOME: output };
    const { stderr } = await promisify(execFile)(process.execPath, [app], { cwd: projectFolder, env });
    expect(stderr).not.toMatch(/error|warning/i);
    const template = JSON.parse(readFileSync(join(output, 'NautobotReplicator.template.json'), 'utf8'));
    expect(Object.keys(template.Resources).length).toBeGreaterThan(60);
    const assets = readdirSync(output).filter((name) => name.startsWith('asset.'));
    expect(assets).toHaveLength(Object.keys(handlerNeeds).length);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}, 180_000);
