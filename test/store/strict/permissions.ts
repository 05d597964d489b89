/** One statement of an IAM policy, references resolved. */
export interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Who signs with an access key. */
export interface Role {
  readonly name: string;
  readonly arn: string;
  readonly statements: readonly Statement[];
}

/** What a request asks for. `context` holds the condition keys that the service gives. */
export interface Question {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | undefined>>;
}

/**
 * IAM as its user guide describes it ("Policy evaluation logic"), for roles of one account and one resource policy: an
 * explicit Deny anywhere, else an Allow, else no. What it doesn't know in a condition it throws for.
 */
export class Permissions {
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #resourcePolicy: readonly Statement[];
  readonly #used = new Set<string>();
  readonly #restricted = new Map<string, readonly Statement[]>();
  /** What was refused, in order. */
  readonly refused: string[] = [];

  /** @param roles by access key */
  constructor(roles: ReadonlyMap<string, Role>, resourcePolicy: readonly Statement[] = []) {
    this.#roles = roles;
    this.#resourcePolicy = resourcePolicy;
  }

  /** What a role may not, besides what its policies say; nothing takes it back. */
  restrict(roleName: string, ...statements: Statement[]): void {
    this.#restricted.set(roleName, statements);
  }

  allows(accessKey: string, question: Question): boolean {
    const role = this.#roles.get(accessKey);
    if (!role) return this.#refuse(accessKey, question);
    const context = { 'aws:PrincipalArn': role.arn, 'aws:SecureTransport': 'true', ...question.context };
    const matching = (statements: readonly Statement[], effect: Statement['Effect']) =>
      statements.filter(
        (statement) =>
          statement.Effect === effect && matches(statement, question) && holds(statement, context),
      );
    const all = [...role.statements, ...this.#resourcePolicy, ...(this.#restricted.get(role.name) ?? [])];
    if (matching(all, 'Deny').length > 0) return this.#refuse(role.name, question);
    const allowing = matching(role.statements, 'Allow');
    if (allowing.length === 0) return this.#refuse(role.name, question);
    for (const statement of allowing)
      for (const resource of [statement.Resource].flat())
        if (like(resource, question.resource)) this.#used.add(entry(role, question.action, resource));
    return true;
  }

  #refuse(who: string, { action, resource }: Question): false {
    this.refused.push(`${who}: ${action} ${resource}`);
    return false;
  }

  /** `role: action resource` of everything that is allowed and that nobody has needed so far. */
  unused(services: readonly string[]): string[] {
    return [...this.#roles.values()]
      .flatMap((role) =>
        role.statements
          .filter(({ Effect }) => Effect === 'Allow')
          .flatMap(({ Action, Resource }) =>
            [Action].flat().flatMap((action) => [Resource].flat().map((to) => entry(role, action, to))),
          ),
      )
      .filter((each) => services.includes(/: (\w+):/.exec(each)?.[1] ?? '') && !this.#used.has(each))
      .sort();
  }
}

const entry = ({ name }: Role, action: string, resource: string) => `${name}: ${action} ${resource}`;

function matches({ Action, Resource }: Statement, { action, resource }: Question): boolean {
  return (
    [Action].flat().some((pattern) => like(pattern.toLowerCase(), action.toLowerCase())) &&
    [Resource].flat().some((pattern) => like(pattern, resource))
  );
}

/** `*` and `?` as in policies. */
function like(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

type Context = Readonly<Record<string, string | undefined>>;

function holds({ Condition = {} }: Statement, context: Context): boolean {
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => {
      const test = operators[operator];
      if (!test) throw new Error(`the condition operator ${operator} is not known here`);
      return test(context[key], [wanted].flat().map(String));
    }),
  );
}

const operators: Readonly<Record<string, (is: string | undefined, wanted: string[]) => boolean>> = {
  StringEquals: (is, wanted) => is !== undefined && wanted.includes(is),
  StringLike: (is, wanted) => is !== undefined && wanted.some((pattern) => like(pattern, is)),
  ArnEquals: (is, wanted) => is !== undefined && wanted.some((pattern) => like(pattern, is)),
  ArnLike: (is, wanted) => is !== undefined && wanted.some((pattern) => like(pattern, is)),
  // A negated operator holds where the key is missing
  ArnNotEquals: (is, wanted) => is === undefined || !wanted.some((pattern) => like(pattern, is)),
  Bool: (is, [wanted]) => is !== undefined && is === wanted,
  Null: (is, [wanted]) => (is === undefined) === (wanted === 'true'),
};
