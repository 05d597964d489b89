import { Annotations, Duration } from 'aws-cdk-lib';
import {
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  SecurityGroup,
  Subnet,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import {
  Architecture,
  type CfnFunction,
  type Code,
  Function as LambdaFunction,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { memoryOf } from '../functions/estimate/handler-memory.ts';
import { environment as names } from '../functions/run/environment-names.ts';
import type { Configuration } from './configuration.ts';
import { type HandlerNeeds, handlerNeeds } from './handler-needs.ts';
import { handlerPolicies } from './handler-policies.ts';
import { handlerSeconds } from './machines/lambda-state.ts';

/** The code of a handler's function: a directory with `index.mjs`. */
export type CodeOf = (handler: string) => Code;

/** Mount points of the media access points; Lambda wants them under /mnt. */
const sourceMediaMount = '/mnt/source-media';
const targetMediaMount = '/mnt/target-media';

export interface HandlerFunctionsProps {
  readonly configuration: Configuration;
  readonly bucket: Bucket;
  readonly codeOf: CodeOf;
}

/** One Lambda function a handler, made when a machine first asks for it: Node 24, arm64, in the VPC given. */
export class HandlerFunctions extends Construct {
  readonly #props: HandlerFunctionsProps;
  readonly #vpc: IVpc;
  readonly #subnets: ISubnet[];
  readonly #securityGroups: ISecurityGroup[];
  readonly #made = new Map<string, LambdaFunction>();

  constructor(scope: Construct, id: string, props: HandlerFunctionsProps) {
    super(scope, id);
    this.#props = props;
    const { vpcId, availabilityZones, subnetIds, securityGroupIds } = props.configuration.network;
    this.#vpc = Vpc.fromVpcAttributes(this, 'Vpc', { vpcId, availabilityZones });
    this.#securityGroups = securityGroupIds.map((id) =>
      SecurityGroup.fromSecurityGroupId(this, id, id, { mutable: false }),
    );
    this.#subnets = subnetIds.map((id) => {
      const subnet = Subnet.fromSubnetId(this, id, id);
      // Nobody asks for its route table.
      Annotations.of(subnet).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId');
      return subnet;
    });
  }

  /** Functions made so far, by handler. */
  get all(): ReadonlyMap<string, LambdaFunction> {
    return this.#made;
  }

  functionOf(handler: string): LambdaFunction {
    const made = this.#made.get(handler) ?? this.#make(handler);
    this.#made.set(handler, made);
    return made;
  }

  #make(handler: string): LambdaFunction {
    const needs = handlerNeeds[handler];
    if (!needs) throw new Error(`infra/handler-needs.ts says nothing about the handler ${handler}`);
    const { configuration, bucket, codeOf } = this.#props;
    const made = new LambdaFunction(this, handler, {
      functionName: `${configuration.stackName}-${handler}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: codeOf(handler),
      timeout: Duration.seconds(handlerSeconds),
      memorySize: memoryOf(handler),
      ...(needs.asynchronous && { retryAttempts: 0, maxEventAge: Duration.minutes(2) }),
      environment: environmentOf(needs, configuration, bucket),
      vpc: this.#vpc,
      vpcSubnets: { subnets: this.#subnets },
      securityGroups: this.#securityGroups,
      initialPolicy: handlerPolicies(needs, { bucket, configuration }),
      logGroup: new LogGroup(this, `${handler}Logs`, {
        retention: configuration.logRetentionDays as RetentionDays,
      }),
    });
    mountMedia(made, needs, configuration);
    return made;
  }
}

function environmentOf(
  needs: HandlerNeeds,
  configuration: Configuration,
  bucket: Bucket,
): Record<string, string> {
  const { source, target, cache, sourceMedia, targetMedia, prefix } = configuration;
  const entries: [string, string | undefined | false][] = [
    [names.bucket, bucket.bucketName],
    [names.prefix, prefix],
    [names.source, needs.source && `secretsmanager://${source.secretArn}`],
    [names.target, needs.target && target && `secretsmanager://${target.secretArn}`],
    [names.cache, needs.cache && cache && `secretsmanager://${cache.secretArn}`],
    [names.sourceMedia, needs.sourceMedia && sourceMedia && sourceMediaMount],
    [names.targetMedia, needs.targetMedia && targetMedia && targetMediaMount],
    // Lambda's Node doesn't load the certificates of RDS by itself ("Node.js 20 and later", Lambda developer guide).
    ['NODE_EXTRA_CA_CERTS', '/var/runtime/ca-cert.pem'],
  ];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** On the resource itself: CDK's FileSystem would add the right to write to whoever mounts. */
function mountMedia(made: LambdaFunction, needs: HandlerNeeds, configuration: Configuration): void {
  const mounts = [
    needs.sourceMedia && configuration.sourceMedia
      ? { arn: configuration.sourceMedia.accessPointArn, localMountPath: sourceMediaMount }
      : undefined,
    needs.targetMedia && configuration.targetMedia
      ? { arn: configuration.targetMedia.accessPointArn, localMountPath: targetMediaMount }
      : undefined,
  ].filter((mount) => mount !== undefined);
  if (mounts.length > 1)
    throw new Error(`Lambda mounts one file system a function, ${made.node.id} wants two`);
  if (mounts.length > 0) (made.node.defaultChild as CfnFunction).fileSystemConfigs = mounts;
}
