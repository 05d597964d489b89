import { FileComparison } from '../media/compare.ts';
import type { Database } from '../postgres/session.ts';
import { columnName, fileColumnsOf, readReferences } from '../snapshot/file-references.ts';
import { withLoader } from '../target/sessions.ts';
import type { Restoring } from './restoring.ts';

/** What the rebuilt database refers to, with what a profile has made of it; files are to be met. */
export async function referencesIn(
  { manifest, plan }: Restoring,
  target: Database,
  signal: AbortSignal,
): Promise<FileComparison> {
  const { columns } = fileColumnsOf(manifest.tables, plan.files ?? []);
  const comparison = new FileComparison(columns.map(columnName));
  await withLoader(target, plan.rebuild, { part: 'media', asOwner: false, signal }, async (session) => {
    await session.execute('BEGIN READ ONLY');
    for (const [index, column] of columns.entries())
      for await (const path of readReferences(session, column)) comparison.refer(path, index);
    await session.execute('COMMIT');
  });
  return comparison;
}
