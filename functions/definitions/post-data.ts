import { keyStatements } from './key-statements.ts';
import type {
  ForeignKeyStatement,
  KeyStatement,
  PostData,
  PostStatement,
  RelationName,
} from './post-data-groups.ts';
import { namedRoles } from './roles.ts';
import { type ParseTree, readStatements, type Statement } from './statements.ts';

/**
 * Sorts a dump's post-data into groups.
 * @throws DefinitionsFailed naming a statement that doesn't parse
 */
export async function readPostData(postData: string): Promise<PostData> {
  const groups: PostData = {
    indexes: [],
    keys: [],
    others: [],
    foreignKeys: [],
    behaviour: [],
    refreshes: [],
    eventTriggers: [],
  };
  const late: Late = { relations: new Set(), routines: false, foreignKeys: new Set() };
  await readStatements(postData, (statement, tree) => sort(groups, late, statement, tree));
  return groups;
}

/** What earlier statements of post-data made. */
interface Late {
  /** Views and materialised views: their indexes come after them. */
  readonly relations: Set<string>;
  /** Functions were made: index expressions after them may call them. */
  routines: boolean;
  readonly foreignKeys: Set<string>;
}

function sort(groups: PostData, late: Late, { kind, text }: Statement, tree: ParseTree): void {
  const plain: PostStatement = withRelation({ kind, text }, relationOf(kind, tree));
  switch (kind) {
    case 'IndexStmt':
      sortIndex(groups, late, plain, tree);
      return;
    case 'AlterTableStmt':
      sortAlterTable(groups, late, plain, tree);
      return;
    case 'ViewStmt':
    case 'CreateTableAsStmt':
      late.relations.add(keyOf(plain.relation));
      groups.others.push(plain);
      return;
    case 'CreateFunctionStmt':
      late.routines = true;
      groups.others.push(plain);
      return;
    case 'RefreshMatViewStmt':
      groups.refreshes.push(plain);
      return;
    case 'CreateEventTrigStmt':
    case 'AlterEventTrigStmt':
      groups.eventTriggers.push(plain);
      return;
    case 'CreatePolicyStmt':
      groups.behaviour.push({ ...plain, roles: namedRoles(tree.roles) });
      return;
    case 'RuleStmt':
    case 'CreateTrigStmt':
    case 'CreatePublicationStmt':
    case 'AlterPublicationStmt':
      groups.behaviour.push(plain);
      return;
    case 'CommentStmt':
      groupOfComment(groups, late, tree).push(plain);
      return;
    case 'AlterObjectDependsStmt':
      (tree.objectType === 'OBJECT_TRIGGER' ? groups.behaviour : groups.others).push(plain);
      return;
    default:
      groups.others.push(plain);
  }
}

function sortIndex(groups: PostData, late: Late, plain: PostStatement, tree: ParseTree): void {
  const { relation } = plain;
  const computed = tree.whereClause !== undefined || tree.indexParams.some(isExpression);
  if (!relation || late.relations.has(keyOf(relation)) || (late.routines && computed))
    groups.others.push(plain);
  else groups.indexes.push({ ...plain, relation, name: tree.idxname, unique: tree.unique === true });
}

function isExpression({ IndexElem }: ParseTree): boolean {
  return IndexElem.expr !== undefined || IndexElem.opclass !== undefined;
}

const behaviourCommands = /^AT_(Enable|Disable).*(Trig|Rule)|^AT_.*RowSecurity$/;
const keyTypes: Readonly<Record<string, KeyStatement['type']>> = {
  CONSTR_PRIMARY: 'primary',
  CONSTR_UNIQUE: 'unique',
  CONSTR_EXCLUSION: 'exclusion',
};

function sortAlterTable(groups: PostData, late: Late, plain: PostStatement, tree: ParseTree): void {
  const command = tree.cmds?.[0]?.AlterTableCmd;
  const { relation } = plain;
  const constraint = command?.subtype === 'AT_AddConstraint' ? command.def?.Constraint : undefined;
  if (tree.cmds?.length !== 1 || !relation) groups.others.push(plain);
  else if (constraint?.contype === 'CONSTR_FOREIGN') {
    late.foreignKeys.add(`${keyOf(relation)} ${constraint.conname}`);
    groups.foreignKeys.push(foreignKey({ ...plain, relation }, tree, constraint));
  } else if (constraint && keyTypes[constraint.contype]) {
    groups.keys.push(key({ ...plain, relation }, constraint));
  } else if (behaviourCommands.test(command?.subtype)) groups.behaviour.push(plain);
  else groups.others.push(plain);
}

function key(plain: PostStatement & { relation: RelationName }, constraint: ParseTree): KeyStatement {
  const inTwoSteps = keyStatements(plain.relation, constraint);
  return {
    ...plain,
    name: constraint.conname,
    type: keyTypes[constraint.contype] as KeyStatement['type'],
    ...(inTwoSteps ? { inTwoSteps } : {}),
  };
}

/** pg_dump says ONLY except for partitioned tables. */
function foreignKey(
  plain: PostStatement & { relation: RelationName },
  tree: ParseTree,
  constraint: ParseTree,
): ForeignKeyStatement {
  // NOT ENFORCED says skip_validation too
  const validated = constraint.skip_validation !== true;
  const partitioned = tree.relation.inh === true;
  return {
    ...plain,
    references: relationName(constraint.pktable),
    columns: words(constraint.fk_attrs),
    referencedColumns: words(constraint.pk_attrs),
    name: constraint.conname,
    validated,
    ...(validated && !partitioned ? { notValidText: `${plain.text} NOT VALID` } : {}),
  };
}

function groupOfComment(groups: PostData, late: Late, tree: ParseTree): PostStatement[] {
  switch (tree.objtype) {
    case 'OBJECT_TRIGGER':
    case 'OBJECT_RULE':
    case 'OBJECT_POLICY':
    case 'OBJECT_PUBLICATION':
      return groups.behaviour;
    case 'OBJECT_EVENT_TRIGGER':
      return groups.eventTriggers;
    case 'OBJECT_TABCONSTRAINT': {
      const [schema, table, name] = names(tree.object);
      return late.foreignKeys.has(`${keyOf({ schema: schema ?? '', name: table ?? '' })} ${name}`)
        ? groups.behaviour
        : groups.others;
    }
    default:
      return groups.others;
  }
}

/** The table or view that a statement names. */
function relationOf(kind: string, tree: ParseTree): RelationName | undefined {
  if (kind === 'CommentStmt') {
    const parts = names(tree.object);
    const ofTable = ['OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY'];
    return ofTable.includes(tree.objtype) && parts.length === 3
      ? { schema: String(parts[0]), name: String(parts[1]) }
      : undefined;
  }
  const node = tree.relation ?? tree.table ?? tree.view ?? tree.into?.rel;
  if (node?.relname !== undefined && tree.objtype !== 'OBJECT_INDEX') return relationName(node);
  return undefined;
}

function relationName({ schemaname, relname }: ParseTree): RelationName {
  return { schema: String(schemaname ?? ''), name: String(relname) };
}

function names(object: ParseTree | undefined): string[] {
  return (object?.List?.items ?? []).map((item: ParseTree) => String(item.String?.sval));
}

function words(list: ParseTree[] | undefined): string[] {
  return (list ?? []).map((item) => String(item.String?.sval));
}

function withRelation(plain: PostStatement, relation: RelationName | undefined): PostStatement {
  return relation ? { ...plain, relation } : plain;
}

function keyOf(relation: RelationName | undefined): string {
  return JSON.stringify([relation?.schema, relation?.name]);
}
