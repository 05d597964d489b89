import type { TableName } from './excluded-tables.ts';
import { withoutSecretOptions } from './foreign-options.ts';
import { namedRoles, roleName } from './roles.ts';
import { withoutServerOptions } from './server-options.ts';
import { type ParseTree, readStatements, type Statement } from './statements.ts';

/** A section of a dump after it was looked through. */
export interface Reviewed {
  readonly text: string;
  /** The same without what fills materialised views: definitions alone, as `pg_dump -s` gives them. */
  readonly definitionsOnly: string;
  /** Roles that it names. */
  readonly roles: readonly string[];
  /** What was taken out, and what a restoring role may lack the right to create. */
  readonly notes: readonly string[];
}

interface Verdict {
  /** In place of the statement; null: the statement goes, with the comment before it. */
  readonly text?: string | null;
  readonly fillsView?: boolean;
  readonly roles?: readonly string[];
  readonly notes?: readonly string[];
}

/**
 * Looks through a section: every statement must parse; user mappings, secret options of foreign servers and what the
 * server keeps for itself go, roles that statements name are listed.
 * @throws DefinitionsFailed naming a statement that doesn't parse
 */
export async function review(section: string, unfilled: readonly TableName[] = []): Promise<Reviewed> {
  const verdicts = await readStatements(section, (statement, tree) => ({
    start: statement.start,
    end: statement.end,
    ...(statement.kind === 'RefreshMatViewStmt' && isUnfilled(tree, unfilled)
      ? { text: null }
      : judge(statement, tree)),
  }));
  const text: string[] = [];
  const definitionsOnly: string[] = [];
  let at = 0;
  for (const verdict of verdicts) {
    // A statement's piece: from the end of the one before, so that its comment goes with it
    const pieceEnd = Math.min(verdict.end + 1, section.length);
    const piece =
      verdict.text === undefined
        ? section.slice(at, pieceEnd)
        : verdict.text === null
          ? ''
          : section.slice(at, verdict.start) + verdict.text + section.slice(verdict.end, pieceEnd);
    text.push(piece);
    if (!verdict.fillsView) definitionsOnly.push(piece);
    at = pieceEnd;
  }
  const rest = section.slice(at);
  return {
    text: text.join('') + rest,
    definitionsOnly: definitionsOnly.join('') + rest,
    roles: [...new Set(verdicts.flatMap(({ roles = [] }) => roles))].sort(),
    notes: verdicts.flatMap(({ notes = [] }) => notes),
  };
}

/** `REFRESH` of a view whose data were left out. */
function isUnfilled(tree: ParseTree, unfilled: readonly TableName[]): boolean {
  const { relation } = tree;
  return unfilled.some(({ schema, name }) => relation?.schemaname === schema && relation?.relname === name);
}

function judge({ kind, text }: Statement, tree: ParseTree): Verdict {
  switch (kind) {
    case 'RefreshMatViewStmt':
      return { fillsView: true };
    case 'CreateUserMappingStmt':
      return {
        text: null,
        notes: [
          `the user mapping of ${roleName(tree.user) ?? 'PUBLIC'} for server ${tree.servername} was taken out: it can hold a password`,
        ],
      };
    case 'CreateSubscriptionStmt':
      return { text: null, notes: [`subscription ${tree.subname} was taken out: it holds a password`] };
    case 'CreateFdwStmt':
      return checkOptions(text, tree.options, `foreign-data wrapper ${tree.fdwname}`);
    case 'CreateForeignServerStmt':
      return checkOptions(text, tree.options, `foreign server ${tree.servername}`);
    case 'CreateForeignTableStmt':
      return checkOptions(text, tree.options, `foreign table ${relationName(tree.base.relation)}`, false);
    case 'AlterTableStmt': {
      const own = withoutServerOptions(text, tree);
      return own === undefined ? checkColumnOptions(text, tree) : { text: own };
    }
    case 'CreatePolicyStmt':
      return policyRoles(tree);
    case 'CreateFunctionStmt':
      return functionRoles(tree);
    case 'CreateEventTrigStmt':
      return { notes: [`event trigger ${tree.trigname}: only a superuser can restore it`] };
    default:
      return {};
  }
}

function checkOptions(text: string, options: ParseTree[] = [], what: string, listKept = true): Verdict {
  const { text: checked, takenOut, kept } = withoutSecretOptions(text, options);
  const notes: string[] = [];
  if (takenOut.length > 0)
    notes.push(`${what}: options that look like secrets were taken out: ${takenOut.join(', ')}`);
  if (listKept && kept.length > 0) notes.push(`${what} keeps its options: ${kept.join(', ')}`);
  return { ...(takenOut.length > 0 ? { text: checked } : {}), notes };
}

/** `ALTER FOREIGN TABLE … ALTER COLUMN … OPTIONS (…)` says nothing but options. */
function checkColumnOptions(text: string, tree: ParseTree): Verdict {
  const command = tree.cmds?.[0]?.AlterTableCmd;
  if (command?.subtype !== 'AT_AlterColumnGenericOptions') return {};
  const options: ParseTree[] = command.def?.List?.items ?? [];
  const what = `column ${command.name} of foreign table ${relationName(tree.relation)}`;
  const verdict = checkOptions(text, options, what, false);
  const nothingLeft = withoutSecretOptions(text, options).kept.length === 0;
  return nothingLeft && options.length > 0 ? { ...verdict, text: null } : verdict;
}

function policyRoles(tree: ParseTree): Verdict {
  const roles = namedRoles(tree.roles);
  if (roles.length === 0) return {};
  const policy = `policy ${tree.policy_name} on ${relationName(tree.table)}`;
  return { roles, notes: [`${policy} is for ${roles.join(', ')}: roles are not part of a backup`] };
}

/** `CREATE FUNCTION … SET role TO …` */
function functionRoles(tree: ParseTree): Verdict {
  const roles = (tree.options ?? []).flatMap(({ DefElem }: ParseTree) => {
    const setting = DefElem.defname === 'set' ? DefElem.arg?.VariableSetStmt : undefined;
    if (setting?.name !== 'role' && setting?.name !== 'session_authorization') return [];
    return (setting.args ?? []).map((arg: ParseTree) => String(arg.A_Const?.sval?.sval ?? ''));
  });
  return { roles: roles.filter((role: string) => role !== '' && role !== 'none') };
}

function relationName({ schemaname, relname }: ParseTree): string {
  return schemaname === undefined ? relname : `${schemaname}.${relname}`;
}
