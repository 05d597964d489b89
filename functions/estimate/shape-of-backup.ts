import type { Manifest, TableEntry } from '../archive/manifest.ts';
import { type DatabaseShape, pageBytes } from './database-shape.ts';
import { nautobotRatios } from './rates.ts';

/** A table of Nautobot's has about so many; a manifest does not count them. */
const indexes = 4;
const foreignKeys = 2;

/** What a backup holds as a database to be estimated: as if each byte of text were one of the table. */
export function shapeOfBackup(
  manifest: Manifest,
  entries: readonly TableEntry[],
  media: boolean,
): DatabaseShape {
  const rows = entries.filter(({ content }) => content === 'rows');
  return {
    tables: rows.map(({ schema, name, columns, rawBytes }, index) => ({
      oid: index + 1,
      schema,
      name,
      columns,
      pages: Math.ceil(rawBytes / pageBytes),
      bytes: rawBytes,
      condition: null,
      loadThrough: null,
      indexes,
      foreignKeys,
    })),
    definitionOnly: entries.length - rows.length,
    media: media && typeof manifest.media !== 'string' ? manifest.media : null,
    ratios: { ...nautobotRatios, textOfHeap: 1 },
  };
}
