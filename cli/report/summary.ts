import type { Manifest } from '../../functions/archive/manifest.ts';
import type { MediaLeftOut } from '../../functions/run/media-comparison.ts';

/** What a person wants to know of a backup; the same fields in every verb's JSON. */
export interface BackupSummary {
  readonly backupId: string;
  readonly uri: string;
  /** The moment that the backup shows, ISO 8601. */
  readonly snapshotAt: string;
  readonly startedAt: string;
  readonly sealedAt: string;
  readonly source: {
    readonly host: string;
    readonly port: number;
    readonly database: string;
    readonly serverVersion: string;
  };
  readonly tables: number;
  readonly rows: number;
  /** Bytes of the rows as COPY text. */
  readonly rowBytes: number;
  /** Bytes of all files in the store. */
  readonly storedBytes: number;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly media: {
    readonly files: number;
    readonly directories: number;
    readonly links: number;
    readonly bytes: number;
  } | null;
  readonly leftOut: {
    /** `--schema-only` */
    readonly allRows: boolean;
    /** Tables whose rows are not in the backup. */
    readonly rowsOf: readonly string[];
    /** Tables that are not in the backup at all. */
    readonly tables: readonly string[];
    /** Media that patterns left out; null: there were none. */
    readonly mediaFiles: MediaLeftOut | null;
    /** Why there are no media; null when there are. */
    readonly media: string | null;
  };
  /** What a profile changed as rows were read; null: nothing. */
  readonly profile: Manifest['profile'] | null;
  /** What was taken out of the definitions, and media that could not be read as a whole. */
  readonly notes: readonly string[];
}

export function summarise(manifest: Manifest, uri: string): BackupSummary {
  const { source, tables, settings, media, files } = manifest;
  const stored = [
    { name: 'database.sql.zst', bytes: files.database.size },
    { name: 'schema.sql', bytes: files.schema.size },
    ...(files.media ? [{ name: 'media.tar.zst', bytes: files.media.size }] : []),
  ];
  const left = tables.filter((table) => table.content === 'definition');
  return {
    backupId: manifest.backupId,
    uri,
    snapshotAt: manifest.snapshotAt,
    startedAt: manifest.startedAt,
    sealedAt: manifest.sealedAt,
    source: {
      host: source.host,
      port: source.port,
      database: source.database,
      serverVersion: source.serverVersion,
    },
    tables: tables.length,
    rows: sum(tables.map((table) => table.rows)),
    rowBytes: sum(tables.map((table) => table.rawBytes)),
    storedBytes: sum(stored.map((file) => file.bytes)),
    files: stored,
    media:
      typeof media === 'string'
        ? null
        : { files: media.files, directories: media.directories, links: media.links, bytes: media.bytes },
    leftOut: {
      allRows: settings.schemaOnly,
      rowsOf: settings.schemaOnly ? [] : left.map(nameOf),
      tables: manifest.tablesLeftOut,
      mediaFiles: manifest.mediaLeftOut ?? null,
      media: typeof media === 'string' ? media : null,
    },
    profile: manifest.profile ?? null,
    notes: [
      ...manifest.definitions.notes,
      ...(typeof media === 'string' ? [] : media.notes.map(({ path, note }) => `media ${path}: ${note}`)),
    ],
  };
}

/** `schema.table`, as manifests and messages name tables. */
export function nameOf(table: { schema: string; name: string }): string {
  return `${table.schema}.${table.name}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
