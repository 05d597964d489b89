import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configurationPage } from '../../docs/write-configuration.ts';
import { exampleConfiguration, minimalConfiguration } from '../../infra/configuration/examples.ts';
import { findConfiguration, readConfiguration } from '../../infra/configuration/read.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'configuration-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string, name = 'config.json'): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const secretArn = 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:nautobot-AbCdEf';
const network = { subnetIds: ['subnet-00000000'], securityGroupIds: ['sg-00000000'] };
const source = { database: { secretArn } };
const target = { name: 'staging', database: { secretArn } };
const whole = { network, source };

describe('reading', () => {
  test('takes the example where there is no file', () => {
    expect(findConfiguration(folder).configuration).toBe(exampleConfiguration);
  });

  test('fills in what is left out', () => {
    const found = readConfiguration(file(JSON.stringify(whole)));
    expect(found).toMatchObject({
      stackName: 'NautobotReplicator',
      network: { access: 'nat' },
      store: { prefix: '', key: 'own', runsExpireAfterDays: 7 },
      source: { name: 'production', jobs: 4, database: { secretArn } },
      targets: [],
      logs: { retentionDays: 90 },
    });
    expect(Object.keys(found).sort()).toEqual(Object.keys(minimalConfiguration).sort());
  });

  test('understands YAML with comments', () => {
    const yaml = `
# where functions run
network:
  subnetIds: [subnet-00000000]   # private ones
  securityGroupIds: [sg-00000000]
source: { database: { secretArn: "${secretArn}" } }
`;
    expect(readConfiguration(file(yaml, 'config.yaml'))).toEqual(
      readConfiguration(file(JSON.stringify(whole))),
    );
  });

  test('finds the file in the folder, by either name, and refuses to choose between two', () => {
    const at = mkdtempSync(join(folder, 'found-'));
    writeFileSync(join(at, 'replicator.config.yaml'), JSON.stringify(whole));
    expect(findConfiguration(at)).toMatchObject({ folder: at, configuration: { network } });
    writeFileSync(join(at, 'replicator.config.json'), JSON.stringify(whole));
    expect(() => findConfiguration(at)).toThrow(/replicator\.config\.json and .*replicator\.config\.yaml/);
  });

  test('says where a file breaks off, or that there is none', () => {
    expect(() => readConfiguration(file('{"network": {'))).toThrow(/config\.json can't be read: .*line 1/s);
    expect(() => findConfiguration(folder, join(folder, 'none.json'))).toThrow(/none\.json can't be read/);
  });
});

describe('a configuration is refused by the name of the field', () => {
  test.each<[string, unknown, string]>([
    ['an unknown field', { ...whole, sorce: {} }, 'the document: has no field sorce'],
    ['no source and no target', { network }, 'source: is left out, and there is no target either'],
    ['a missing network', { source }, 'network: is missing'],
    [
      'a subnet that is none',
      { source, network: { ...network, subnetIds: ['x'] } },
      'network.subnetIds[0]: is not an id',
    ],
    [
      'a prefix without its slash',
      { ...whole, store: { prefix: 'nautobot' } },
      'store.prefix: must be empty or end with /',
    ],
    [
      'a secret in place of its ARN',
      { network, source: { database: { secretArn: 'postgres://u:p@h/d' } } },
      'source.database.secretArn: is not an ARN',
    ],
    [
      'half of an IAM login',
      { network, source: { database: { iam: { host: 'h', resourceId: 'db-A' } } } },
      'source.database.iam.user: is missing',
    ],
    [
      'no login at all',
      { network, source: { database: {} } },
      'source.database: needs either secretArn or iam',
    ],
    [
      'an odd schedule',
      { network, source: { ...source, schedule: { expression: 'daily' } } },
      'source.schedule.expression: is neither cron',
    ],
    [
      'a time zone that is none',
      { network, source: { ...source, schedule: { expression: 'rate(1 day)', timeZone: 'Mars' } } },
      'source.schedule.timeZone: is not a time zone',
    ],
    [
      'an option that Backup does not have',
      { network, source: { ...source, schedule: { expression: 'rate(1 day)', options: { jbos: 1 } } } },
      'source.schedule.options: has no field jbos',
    ],
    [
      'two targets of one name',
      { ...whole, targets: [target, target] },
      'targets[1].name: staging is the name of another',
    ],
    [
      'half of a copy between buckets',
      { ...whole, targets: [{ ...target, media: { copyFrom: 's3://nautobot-media' } }] },
      'targets[0].media.copyTo: is missing',
    ],
    [
      'a bucket that is not written as one',
      { ...whole, targets: [{ ...target, media: { copyFrom: 'nautobot-media', copyTo: 's3://staging' } }] },
      'targets[0].media.copyFrom: is not of the form s3://bucket/prefix',
    ],
    [
      'media that would be copied into themselves',
      {
        ...whole,
        targets: [{ ...target, media: { copyFrom: 's3://media', copyTo: 's3://media/staging/' } }],
      },
      'targets[0].media.copyTo: overlaps with copyFrom',
    ],
    [
      'a restore from nowhere',
      { network, targets: [target] },
      'store.restoreFrom: is needed where there is no source',
    ],
    [
      'a class that cannot be read at once',
      { ...whole, store: { transitions: [{ afterDays: 90, storageClass: 'DEEP_ARCHIVE' }] } },
      'store.transitions[0].storageClass: is none of STANDARD_IA',
    ],
    [
      'backups that expire while they are locked',
      { ...whole, store: { backupsExpireAfterDays: 10, objectLock: { mode: 'GOVERNANCE', days: 20 } } },
      'store.backupsExpireAfterDays: is before the 20 days',
    ],
    [
      'endpoints without route tables',
      { source, network: { ...network, vpcId: 'vpc-00000000', access: 'endpoints' } },
      'network.routeTableIds: is needed',
    ],
    [
      'a VPC that lacks an endpoint',
      { source, network: { ...network, access: 'existing', existingEndpoints: ['s3', 'states'] } },
      'network.existingEndpoints: lacks secretsmanager',
    ],
    [
      'memory for a handler that there is not',
      { ...whole, lambda: { memory: { Copy: 512 } } },
      'lambda.memory.Copy: is not a handler',
    ],
  ])('%s', (_, content, message) => {
    const path = file(JSON.stringify(content));
    expect(() => readConfiguration(path)).toThrow(message);
    expect(() => readConfiguration(path)).toThrow(path);
  });
});

test('without secrets, a VPC needs no endpoint of Secrets Manager', () => {
  const iam = { host: 'db.example', user: 'replicator', resourceId: 'db-A' };
  const content = {
    network: { ...network, access: 'existing', existingEndpoints: ['s3', 'states'] },
    source: { database: { iam } },
  };
  expect(readConfiguration(file(JSON.stringify(content))).source?.database).toEqual({
    iam: { ...iam, port: 5432, database: 'nautobot' },
  });
});

test('docs/configuration.md is what the schema says (npm run docs)', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page).toBe(configurationPage());
});
