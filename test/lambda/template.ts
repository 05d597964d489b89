import type { Template } from 'aws-cdk-lib/assertions';
import type { Role, Statement } from '../store/strict/permissions.ts';

/** A Lambda function as its template has it, references resolved. */
export interface DeployedFunction {
  readonly name: string;
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly memory: number;
  readonly role: Role;
}

export interface Deployed {
  /** By name. */
  readonly functions: ReadonlyMap<string, DeployedFunction>;
  readonly bucketPolicy: readonly Statement[];
  /** ARN of the key that encrypts the bucket. */
  readonly kmsKey: string | undefined;
}

export const region = 'eu-central-1';
export const account = '111111111111';

const pseudoParameters: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': region,
  'AWS::AccountId': account,
  'AWS::URLSuffix': 'amazonaws.com',
};

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** What CloudFormation would make of the stacks, as far as functions and their rights go. */
export function deployed(templates: readonly Template[], bucketName: string): Deployed {
  const stacks = templates.map((template) => new Stack(template, bucketName));
  const exported = new Map(stacks.flatMap((stack) => stack.exports()));
  for (const stack of stacks) stack.imported = exported;
  const functions = stacks.flatMap((stack) => stack.functions());
  const [policy] = stacks.flatMap((stack) => stack.ofType('AWS::S3::BucketPolicy'));
  const [key] = stacks.flatMap((stack) =>
    stack.ofType('AWS::KMS::Key').map(([id]) => stack.resolve({ 'Fn::GetAtt': [id, 'Arn'] })),
  );
  return {
    functions: new Map(functions.map((each) => [each.name, each])),
    bucketPolicy: policy ? (policy[1].PolicyDocument as { Statement: Statement[] }).Statement : [],
    kmsKey: key as string | undefined,
  };
}

class Stack {
  readonly #json: { Resources: Record<string, Resource>; Outputs?: Record<string, unknown> };
  readonly #bucketName: string;
  imported: ReadonlyMap<string, unknown> = new Map();

  constructor(template: Template, bucketName: string) {
    this.#json = template.toJSON() as never;
    this.#bucketName = bucketName;
  }

  exports(): [string, unknown][] {
    const outputs = Object.values(this.#json.Outputs ?? {}) as {
      Value: unknown;
      Export?: { Name: string };
    }[];
    return outputs.flatMap(({ Value, Export }): [string, unknown][] =>
      Export ? [[Export.Name, this.resolve(Value)]] : [],
    );
  }

  /** Logical id and resolved properties of every resource of a type. */
  ofType(type: string): [string, Readonly<Record<string, unknown>>][] {
    return Object.entries(this.#json.Resources)
      .filter(([, { Type }]) => Type === type)
      .map(([id, { Properties }]) => [id, this.resolve(Properties) as Record<string, unknown>]);
  }

  functions(): DeployedFunction[] {
    return this.ofType('AWS::Lambda::Function')
      .filter(([, { Runtime }]) => Runtime === 'nodejs24.x')
      .map(([, { FunctionName, Environment, Timeout, MemorySize, Role: role }]) => {
        const name = String(FunctionName);
        const { Variables = {} } = (Environment ?? {}) as { Variables?: Record<string, string> };
        return {
          name,
          handler: name.replace(/^.*-/, ''),
          environment: Variables,
          seconds: Number(Timeout),
          memory: Number(MemorySize),
          role: this.#role(name, String(role)),
        };
      });
  }

  #role(name: string, arn: string): Role {
    const found = this.ofType('AWS::IAM::Role').find(([id]) => this.#arn(id) === arn);
    const policies = (found?.[1].Policies ?? []) as { PolicyDocument: { Statement: Statement[] } }[];
    return { name, arn, statements: policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement) };
  }

  #arn(id: string): string {
    const resource = this.#json.Resources[id];
    switch (resource?.Type) {
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${this.#bucketName}`;
      case 'AWS::IAM::Role':
        return `arn:aws:iam::${account}:role/${id}`;
      case 'AWS::KMS::Key':
        return `arn:aws:kms:${region}:${account}:key/${id}`;
      default:
        return `arn:aws:unknown:${region}:${account}:${id}`;
    }
  }

  /** @throws Error for an intrinsic function that is not known here */
  resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.resolve(each));
    if (typeof value !== 'object' || value === null) return value;
    const [[name = '', operand] = []] = Object.entries(value);
    if (name === 'Ref') return this.#ref(String(operand));
    if (name === 'Fn::GetAtt') return this.#arn((operand as [string, string])[0]);
    if (name === 'Fn::ImportValue') return this.imported.get(String(operand));
    if (name === 'Fn::Join') {
      const [between, parts] = operand as [string, unknown[]];
      return parts.map((part) => String(this.resolve(part))).join(between);
    }
    if (name.startsWith('Fn::')) throw new Error(`${name} is not known here`);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.resolve(each)]));
  }

  #ref(id: string): string {
    const isBucket = this.#json.Resources[id]?.Type === 'AWS::S3::Bucket';
    return pseudoParameters[id] ?? (isBucket ? this.#bucketName : id);
  }
}
