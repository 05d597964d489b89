import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigurationFields } from '../infra/configuration/schema.ts';

/** What is used of a JSON Schema. */
interface Field {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  readonly items?: Field;
  readonly anyOf?: readonly Field[];
}

interface Row {
  readonly path: string;
  readonly usual: string;
  readonly meaning: string;
}

/** The text of docs/configuration.md. */
export function configurationPage(): string {
  const schema = z.toJSONSchema(ConfigurationFields, { io: 'input', unrepresentable: 'any' }) as Field;
  const fields = Object.entries(schema.properties ?? {});
  const isPlain = ([, field]: [string, Field]) => inside('', field).length === 0;
  const required = new Set(schema.required);
  const row = ([name, field]: [string, Field]) => rowOf(name, field, required.has(name));
  return [
    ...introduction,
    '## The deployment',
    '',
    ...table(fields.filter(isPlain).map(row)),
    '',
    ...fields
      .filter((entry) => !isPlain(entry))
      .flatMap(([name, field]) => [
        `## ${name}`,
        '',
        `${field.description ?? ''}${required.has(name) ? ' Required.' : ''}`,
        '',
        ...table(inside(field.type === 'array' ? `${name}[]` : name, field)),
        '',
      ]),
  ].join('\n');
}

const introduction = [
  '# Configuration',
  '',
  'A deployment is described by `replicator.config.json`, or `replicator.config.yaml` where comments are wanted, in the',
  "project's folder; `REPLICATOR_CONFIG` names another file. Without one, `npm run synth` takes an example. Only names,",
  'ids and ARNs are in it: no secret, and nothing is looked up in an account. What does not fit is refused by the name of',
  'its field, and so is what does not fit together.',
  '',
  'The least that has to be said:',
  '',
  '```yaml',
  'network:',
  '  subnetIds: [subnet-0a1b2c3d4e5f60718, subnet-18273645546372819]',
  '  securityGroupIds: [sg-0a1b2c3d4e5f60718]',
  'source:',
  '  database:',
  '    secretArn: arn:aws:secretsmanager:eu-central-1:111111111111:secret:nautobot-AbCdEf',
  '```',
  '',
  'Everything at once is `fullConfiguration` in `infra/configuration/examples.ts`. How to come by these values:',
  '[deploy.md](deploy.md). `a.b` is the field `b` of `a`, `a[].b` that of every element of `a`.',
  '',
  'This page is written by `npm run docs` from the schema; a test holds both together.',
  '',
];

function table(rows: readonly Row[]): string[] {
  return [
    '| field | if left out | meaning |',
    '| --- | --- | --- |',
    ...rows.map(
      ({ path, usual, meaning }) => `| \`${path}\` | ${usual} | ${meaning.replaceAll('|', '\\|')} |`,
    ),
  ];
}

/** Rows of all fields below a field, however deep, of all forms that it can have. */
function inside(path: string, field: Field): Row[] {
  const found = [
    ...Object.entries(field.properties ?? {}).flatMap(([name, inner]) => {
      const at = path === '' ? name : `${path}.${name}`;
      const below = inside(inner.type === 'array' ? `${at}[]` : at, inner);
      return [rowOf(at, inner, field.required?.includes(name) ?? false), ...below];
    }),
    ...(field.anyOf ?? []).flatMap((form) =>
      inside(path, form).map((row) =>
        form.required?.some((name) => row.path === `${path}.${name}`)
          ? { ...row, usual: '*in this form*' }
          : row,
      ),
    ),
    ...(field.items ? inside(path, field.items) : []),
  ];
  // Forms of a field may share fields.
  return found.filter(({ path: at }, index) => found.findIndex((row) => row.path === at) === index);
}

function rowOf(path: string, field: Field, required: boolean): Row {
  const usual =
    field.default === undefined || JSON.stringify(field.default) === '{}' || field.default === ''
      ? ''
      : `\`${typeof field.default === 'string' ? field.default : JSON.stringify(field.default)}\``;
  if (!field.description) throw new Error(`infra/configuration: ${path} has no description`);
  return { path, usual: required ? '*required*' : usual, meaning: field.description };
}

if (import.meta.main)
  await writeFile(new URL('../docs/configuration.md', import.meta.url), configurationPage());
