import { Stack } from 'aws-cdk-lib';
import { CfnSecurityGroup, CfnSecurityGroupIngress, CfnVPCEndpoint } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { NetworkPlace } from '../constructs/places.ts';

/** What functions may call from a VPC without a way out. */
export type InterfaceService = 'states' | 'secretsmanager';

export interface EndpointsProps extends NetworkPlace {
  readonly vpcId: string;
  /** Of the functions' subnets, for the gateway endpoint of S3, which costs nothing. */
  readonly routeTableIds: readonly string[];
  /** Each costs by the hour and availability zone. */
  readonly services: readonly InterfaceService[];
}

/** VPC endpoints for functions in a VPC without NAT. */
export class Endpoints extends Construct {
  constructor(scope: Construct, id: string, props: EndpointsProps) {
    super(scope, id);
    const { vpcId, routeTableIds, services, subnetIds, securityGroupIds } = props;
    const { region } = Stack.of(this);
    new CfnVPCEndpoint(this, 'S3', {
      vpcId,
      serviceName: `com.amazonaws.${region}.s3`,
      vpcEndpointType: 'Gateway',
      routeTableIds: [...routeTableIds],
    });
    const group = new CfnSecurityGroup(this, 'Group', {
      vpcId,
      groupDescription: 'VPC endpoints, reached by the functions of nautobot-replicator',
      securityGroupEgress: [],
    });
    securityGroupIds.forEach((from, index) => {
      new CfnSecurityGroupIngress(this, `From${index}`, {
        groupId: group.attrGroupId,
        ipProtocol: 'tcp',
        fromPort: 443,
        toPort: 443,
        sourceSecurityGroupId: from,
        description: 'HTTPS from functions',
      });
    });
    for (const service of services)
      new CfnVPCEndpoint(this, service, {
        vpcId,
        serviceName: `com.amazonaws.${region}.${service}`,
        vpcEndpointType: 'Interface',
        privateDnsEnabled: true,
        subnetIds: [...subnetIds],
        securityGroupIds: [group.attrGroupId],
      });
  }
}
