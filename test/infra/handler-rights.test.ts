import type { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test } from 'vitest';
import { fullConfiguration } from '../../infra/configuration/examples.ts';
import { Configuration } from '../../infra/configuration/schema.ts';
import { synthesise } from './synthesise.ts';

/** What every function has: its log, traces, and the network interfaces that Lambda makes for it. */
const runtime = [
  'logs:CreateLogStream, logs:PutLogEvents on its log',
  'xray:PutTelemetryRecords, xray:PutTraceSegments on *',
  'ec2:AssignPrivateIpAddresses, ec2:CreateNetworkInterface, ec2:DeleteNetworkInterface, ec2:DescribeNetworkInterfaces, ec2:DescribeSubnets, ec2:UnassignPrivateIpAddresses on *',
  'not ec2:AssignPrivateIpAddresses, ec2:CreateNetworkInterface, ec2:DeleteNetworkInterface, ec2:DescribeNetworkInterfaces, ec2:DescribeSubnets, ec2:UnassignPrivateIpAddresses on * if ArnEquals lambda:SourceFunctionArn its own',
];

const list = 's3:ListBucket on the bucket';
const read = 'kms:Decrypt on the key of the bucket';
const written = 'kms:Decrypt, kms:GenerateDataKey on the key of the bucket';

const told = [list, 's3:GetObject on runs/*', read];
const reported = [list, 's3:GetObject on reports/*', read];
const runs = [list, 's3:GetObject, s3:PutObject on runs/*', written];
const uploads = [...runs, 's3:AbortMultipartUpload on runs/*'];
const restores = [...runs, 's3:GetObject on backups/*'];
const seals = [
  ...restores,
  's3:AbortMultipartUpload, s3:ListMultipartUploadParts, s3:PutObject on backups/*',
  's3:ListBucketMultipartUploads on the bucket',
  's3:PutObjectRetention on backups/*',
];
const cleans = [
  list,
  written,
  's3:GetObject on backups/*, reports/*, runs/*',
  's3:DeleteObject on locks/*',
  's3:PutObject on reports/*',
  's3:DeleteObject, s3:AbortMultipartUpload on runs/*',
  's3:AbortMultipartUpload on backups/*',
  's3:ListBucketMultipartUploads on the bucket',
];
const begins = [...cleans, 's3:PutObject on runs/*', 's3:GetObject, s3:PutObject on locks/*'];
const executions = ['states:DescribeExecution on executions of Replicator-*'];

const secret = (name: string) => `secretsmanager:GetSecretValue on ${name}`;
const source = ['rds-db:connect on cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ/replicator'];
const target = [secret('staging'), 'kms:Decrypt on the key of staging'];
const profile = [secret('mask-key')];
const copies = [
  's3:ListBucket on nautobot-media, nautobot-training-media',
  's3:GetObject on nautobot-media/production/*',
  's3:PutObject, s3:AbortMultipartUpload on nautobot-training-media/*',
  'kms:Decrypt on key 2',
  'kms:Decrypt, kms:GenerateDataKey on key 3',
];
const mount = (digit: number) =>
  `elasticfilesystem:ClientMount on fs-${digit} if StringEquals AccessPointArn fsap-${digit}`;
const write = (digit: number) =>
  `elasticfilesystem:ClientMount, elasticfilesystem:ClientWrite on fs-${digit} if StringEquals AccessPointArn fsap-${digit}`;

/** Of the source's stack: nothing of a target is in reach. */
const ofSource: Readonly<Record<string, readonly string[]>> = {
  Begin: [],
  Lock: [...begins, ...source, ...executions],
  KeepSnapshot: [...runs, ...source, ...executions],
  OpenSnapshot: [...runs, ...source, ...profile],
  DumpSchema: [...uploads, ...source],
  PlanShards: [...runs, ...source],
  CopyShard: [...uploads, ...source, ...profile],
  PlanMedia: [...runs, mount(0), ...profile],
  CompareMedia: [...runs, ...source, ...profile],
  ArchiveMedia: [...uploads, mount(0)],
  ReadSequences: [...runs, ...source],
  ReleaseSnapshot: [...runs, ...source],
  SealBackup: [...seals, ...source],
  InvalidateCache: [...runs, secret('cache')],
  AnnounceBackup: [],
  ReadFailure: told,
  AnnounceFailure: [],
  CleanUp: [...cleans, ...source, ...executions],
};

/** Of a target's stack: of the source, only what tells it from the target, and that by PlanRestore alone. */
const ofTarget: Readonly<Record<string, readonly string[]>> = {
  Begin: [],
  Lock: [...begins, ...target, write(1), ...executions],
  PlanRestore: [
    ...restores,
    ...source,
    ...target,
    write(1),
    secret('staging-cache'),
    secret('staging-broker'),
    secret('staging-admin'),
    ...profile,
  ],
  CreateDatabase: [...restores, ...target, write(1)],
  LoadPreData: [...restores, ...target],
  LoadShard: [...restores, ...target, ...profile],
  ExtractMedia: [...restores, write(1)],
  Sanitize: [...restores, ...target, ...profile, secret('staging-admin')],
  BuildIndexes: [...restores, ...target],
  AddConstraints: [...restores, ...target],
  AddTriggers: [...restores, ...target],
  RefreshViews: [...restores, ...target],
  SetSequences: [...restores, ...target],
  Analyze: [...restores, ...target],
  VerifyRestore: [...restores, ...target, mount(1)],
  AddMediaObjects: restores,
  SettleMediaObjects: restores,
  SwitchOver: [...restores, ...target, write(1)],
  InvalidateCache: [...runs, secret('staging-cache')],
  DrainBroker: [...runs, secret('staging-cache'), secret('staging-broker')],
  AnnounceRestore: reported,
  ReadFailure: told,
  AnnounceFailure: [],
  CleanUp: [...cleans, ...target, write(1), ...executions],
};

/** Of a target whose media are in a bucket: what is there may be removed once the target is switched over. */
const ofBuckets: Readonly<Record<string, readonly string[]>> = {
  PlanRestore: ['s3:ListBucket on nautobot-media, nautobot-training-media'],
  AddMediaObjects: copies,
  SettleMediaObjects: [...copies, 's3:DeleteObject on nautobot-training-media/*'],
};

let templates: { main: Template; staging: Template; training: Template };
beforeAll(() => {
  const { main, targets } = synthesise(Configuration.parse(fullConfiguration));
  templates = { main, staging: targets.staging as Template, training: targets.training as Template };
});

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

/** Handler → its statements, in words. */
function rightsIn(template: Template): Record<string, string[]> {
  const rights: Record<string, string[]> = {};
  for (const { Properties } of Object.values(template.findResources('AWS::IAM::Role'))) {
    const [, handler] = /^What the handler (\w+) may do$/.exec(Properties.Description ?? '') ?? [];
    if (!handler) continue;
    expect(Properties.ManagedPolicyArns, handler).toBeUndefined();
    rights[handler] = (Properties.Policies[0].PolicyDocument.Statement as Statement[]).map(inWords);
  }
  // Nothing else may give a role more.
  for (const { Properties } of Object.values(template.findResources('AWS::IAM::Policy')))
    expect(JSON.stringify(Properties.Roles)).not.toMatch(/Handlers/);
  return rights;
}

function inWords({ Effect, Action, Resource, Condition }: Statement): string {
  const resources = [Resource].flat().map(resourceInWords).sort().join(', ');
  const conditions = Object.entries(Condition ?? {}).map(([operator, keys]) =>
    Object.entries(keys).map(
      ([key, value]) => ` if ${operator} ${key.replace('elasticfilesystem:', '')} ${resourceInWords(value)}`,
    ),
  );
  return `${Effect === 'Deny' ? 'not ' : ''}${[Action].flat().sort().join(', ')} on ${resources}${conditions.flat().join('')}`;
}

function resourceInWords(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const found =
    /nautobot\/(runs|backups|locks|reports)\/\*/.exec(text)?.[0].replace('nautobot/', '') ??
    /secret:nautobot\/([\w-]+)-AbCdEf/.exec(text)?.[1] ??
    /dbuser:([\w-]+\/\w+)/.exec(text)?.[1] ??
    /(fsap|fs)-(\d)\2+/.exec(text)?.slice(1).join('-');
  if (found) return found;
  if (/execution:Replicator-\*:\*/.test(text)) return 'executions of Replicator-*';
  if (/:key\/1{8}-/.test(text)) return 'the key of staging';
  const key = /:key\/(\d)\1{7}-/.exec(text)?.[1];
  if (key) return `key ${key}`;
  const media = /:s3:::(nautobot-(?:training-)?media[^"]*)/.exec(text)?.[1];
  if (media) return media;
  if (/StoreKey/.test(text)) return 'the key of the bucket';
  if (/StoreBucket/.test(text)) return 'the bucket';
  if (/Logs\w+","Arn"/.test(text)) return 'its log';
  if (/:function:Replicator-/.test(text)) return 'its own';
  return text;
}

/** `a, b on x, y if …` is four rights: however statements are put together, what they allow is the same. */
function single(rights: readonly string[]): string[] {
  const each = rights.flatMap((right) => {
    const [, not = '', actions = '', resources = '', condition = ''] =
      /^(not )?(.+?) on (.+?)( if .+)?$/.exec(right) ?? [];
    return actions
      .split(', ')
      .flatMap((action) =>
        resources.split(', ').map((resource) => `${not}${action} on ${resource}${condition}`),
      );
  });
  return [...new Set(each)].sort();
}

const map = (
  table: Readonly<Record<string, readonly string[]>>,
  of: (rights: readonly string[]) => string[],
) => Object.fromEntries(Object.entries(table).map(([handler, rights]) => [handler, of(rights)]));

describe('the exact rights of every handler', () => {
  const expected = (rights: readonly string[]) => single([...runtime, ...rights]);

  test('of a source', () => {
    expect(map(rightsIn(templates.main), single)).toEqual(map(ofSource, expected));
  });

  test('of a target', () => {
    expect(map(rightsIn(templates.staging), single)).toEqual(map(ofTarget, expected));
  });
});

describe('of a target whose media are in a bucket', () => {
  test("what handlers may do besides is to copy there, and none may remove the source's", () => {
    const rights = map(rightsIn(templates.training), single);
    const about = (right: string) => /media|key [23]/.test(right);
    for (const [handler, all] of Object.entries(rights))
      expect(all.filter(about), handler).toEqual(single(ofBuckets[handler] ?? []));
  });
});

describe('whatever a handler is given', () => {
  test('none deletes anything under backups/, or a version of anything', () => {
    for (const template of [templates.main, templates.staging])
      for (const [handler, rights] of Object.entries(rightsIn(template)))
        for (const right of single(rights)) {
          if (/Delete/.test(right) && !/NetworkInterface/.test(right))
            expect(right, handler).toMatch(/^s3:DeleteObject on (runs|locks)\/\*$/);
        }
  });

  test('none but SealBackup writes under backups/, and none lifts a lock', () => {
    for (const template of [templates.main, templates.staging])
      for (const [handler, rights] of Object.entries(rightsIn(template))) {
        const all = single(rights);
        expect(all.includes('s3:PutObject on backups/*'), handler).toBe(handler === 'SealBackup');
        expect(all.join()).not.toMatch(/BypassGovernance|PutLifecycle|PutBucket|iam:|sts:/);
      }
  });
});
