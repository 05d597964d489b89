import type { RelationName } from './post-data-groups.ts';
import { withoutServerOptions } from './server-options.ts';
import { type ParseTree, readStatements } from './statements.ts';

export interface PreStatement {
  /** Without its semicolon. */
  readonly text: string;
  readonly kind: string;
  /**
   * Why a role that may create everything else can be refused this one, which nothing depends on:
   * a restore goes on without it and says so.
   */
  readonly dispensable?: string;
  /** The extension that it creates. */
  readonly extension?: string;
  /** The table that it creates or changes. */
  readonly relation?: RelationName;
}

/**
 * A dump's pre-data, statement by statement, to be run in this order in one session: the first ones are its settings.
 * What a server had kept for itself is left out, which the first versions of this project wrote down.
 * @throws DefinitionsFailed naming a statement that doesn't parse
 */
export async function readPreData(preData: string): Promise<PreStatement[]> {
  const statements = await readStatements(preData, ({ text, kind }, tree) => {
    const own = withoutServerOptions(text, tree);
    if (own === null) return [];
    return [
      {
        text: own ?? text,
        kind,
        ...(kind === 'CreateExtensionStmt' ? { extension: String(tree.extname) } : {}),
        ...dispensable(kind, tree),
        ...relation(tree),
      },
    ];
  });
  return statements.flat();
}

function dispensable(kind: string, tree: ParseTree): { dispensable?: string } {
  if (kind !== 'CommentStmt') return {};
  if (tree.objtype === 'OBJECT_EXTENSION') return { dispensable: 'comments on extensions need their owner' };
  if (tree.objtype === 'OBJECT_SCHEMA') return { dispensable: 'comments on schemas need their owner' };
  if (tree.objtype === 'OBJECT_LANGUAGE') return { dispensable: 'comments on languages need their owner' };
  return {};
}

function relation(tree: ParseTree): { relation?: RelationName } {
  const node = tree.relation ?? tree.base?.relation ?? tree.view ?? tree.into?.rel;
  if (node?.relname === undefined) return {};
  return { relation: { schema: String(node.schemaname ?? ''), name: String(node.relname) } };
}
