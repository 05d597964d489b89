import type { Manifest, TableEntry } from '../../functions/archive/manifest.ts';
import { bytes, count } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';
import { contentLines } from './backup-report.ts';
import { comparisonLines } from './media-lines.ts';
import { nameOf, summarise } from './summary.ts';

/** Everything a manifest says that a person may want to read. */
export function showLines(manifest: Manifest, uri: string): string[] {
  return [
    `Backup ${manifest.backupId}`,
    ...contentLines(summarise(manifest, uri)),
    ...(manifest.mediaComparison ? comparisonLines(manifest.mediaComparison) : []),
    '',
    ...factLines(manifest),
    '',
    ...tableLines(
      [
        { title: 'TABLE' },
        { title: 'ROWS', right: true },
        { title: 'AS TEXT', right: true },
        { title: 'STORED', right: true },
      ],
      manifest.tables.map(tableCells),
    ),
  ];
}

function factLines({
  source,
  snapshot,
  tool,
  definitions,
  settings,
  sequences,
  cacheInvalidated: cache,
}: Manifest): string[] {
  const extensions = source.extensions.map(({ name, version }) => `${name} ${version}`).join(', ');
  const facts = [
    ['made by', `${tool.name} ${tool.version}`],
    ['encoding', `${source.encoding}, ${source.collate} (${source.localeProvider})`],
    ['extensions', extensions || 'none'],
    ['snapshot', `${snapshot.text}${snapshot.walPosition ? ` at WAL ${snapshot.walPosition}` : ''}`],
    [
      'compression',
      `zstd level ${settings.compression.level}, blocks of ${bytes(settings.compression.blockBytes)}`,
    ],
    ['sequences', count(sequences.length)],
    [
      'Nautobot',
      source.migrations?.extras
        ? `last migration of extras: ${source.migrations.extras}`
        : 'no migrations found',
    ],
    ...(cache
      ? [
          [
            "source's cache",
            cache.kind === 'redis' ? `${count(cache.deleted)} keys deleted` : 'invalidated by a command',
          ],
        ]
      : []),
    ...(definitions.roles.length > 0 ? [['roles named', definitions.roles.join(', ')]] : []),
  ];
  return tableLines(
    [{ title: '' }, { title: '' }],
    facts.map(([name, value]) => [`  ${name}`, value ?? '']),
  );
}

function tableCells(table: TableEntry): string[] {
  if (table.content === 'definition') return [nameOf(table), 'left out'];
  const stored = table.chunks.reduce((total, chunk) => total + chunk.length, 0);
  return [nameOf(table), count(table.rows), bytes(table.rawBytes), bytes(stored)];
}
