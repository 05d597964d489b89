import type { Manifest } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { type ParseTree, readStatements } from '../definitions/statements.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { TableShape } from '../profile/resolve-profile.ts';

/** What pre-data say of tables that the manifest doesn't. */
interface Defined {
  readonly parents: { readonly parent: string; readonly child: string }[];
  readonly partitioned: RelationName[];
  readonly notNull: Map<string, Set<string>>;
}

/**
 * The tables that a profile may name, before there is a database to look at: those of the manifest, and the partitioned
 * ones above them.
 */
export async function tablesOfBackup(manifest: Manifest, preData: string): Promise<TableShape[]> {
  const defined: Defined = { parents: [], partitioned: [], notNull: new Map() };
  await readStatements(preData, ({ kind }, tree) => {
    if (kind === 'CreateStmt') readTable(defined, tree);
    if (kind === 'AlterTableStmt') readPartitions(defined, tree);
  });
  const tables = manifest.tables.map(
    ({ schema, name, columns }): TableShape => ({
      schema,
      name,
      visible: schema === 'public',
      columns,
      notNull: defined.notNull.get(relationKey({ schema, name })) ?? new Set<string>(),
    }),
  );
  const leaves = new Map(tables.map(({ schema, name }) => [relationKey({ schema, name }), { schema, name }]));
  const below = (key: string): RelationName[] =>
    defined.parents
      .filter(({ parent }) => parent === key)
      .flatMap(({ child }) => {
        const leaf = leaves.get(child);
        return leaf ? [leaf] : below(child);
      });
  const roots = defined.partitioned.map((root): TableShape => {
    return { ...root, visible: root.schema === 'public', columns: [], leaves: below(relationKey(root)) };
  });
  const absent = manifest.tablesLeftOut.flatMap((full): TableShape[] => {
    const dot = full.indexOf('.');
    const [schema, name] = [full.slice(0, dot), full.slice(dot + 1)];
    return [{ schema, name, visible: schema === 'public', columns: undefined }];
  });
  return [...tables, ...roots, ...absent];
}

function readTable({ partitioned, notNull }: Defined, tree: ParseTree): void {
  if (tree.partspec) partitioned.push(nameOf(tree.relation));
  const columns = new Set<string>();
  for (const element of tree.tableElts ?? []) {
    const { ColumnDef: column, Constraint: constraint } = element;
    if (constraint?.contype === 'CONSTR_NOTNULL')
      for (const word of constraint.keys ?? []) columns.add(String(word.String?.sval));
    const own = (column?.constraints ?? []).map((one: ParseTree) => one.Constraint?.contype);
    if (own.includes('CONSTR_NOTNULL') || own.includes('CONSTR_IDENTITY')) columns.add(column.colname);
  }
  notNull.set(keyOf(tree.relation), columns);
}

function readPartitions({ parents, notNull }: Defined, tree: ParseTree): void {
  for (const { AlterTableCmd: command } of tree.cmds ?? []) {
    if (command?.subtype === 'AT_AttachPartition')
      parents.push({ parent: keyOf(tree.relation), child: keyOf(command.def.PartitionCmd.name) });
    if (command?.subtype === 'AT_SetNotNull') notNull.get(keyOf(tree.relation))?.add(command.name);
  }
}

function nameOf(relation: ParseTree): RelationName {
  return { schema: String(relation.schemaname ?? ''), name: String(relation.relname) };
}

function keyOf(relation: ParseTree): string {
  return relationKey(nameOf(relation));
}
