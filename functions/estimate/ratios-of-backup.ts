import type { Manifest } from '../archive/manifest.ts';
import { relationKey } from '../postgres/relation-key.ts';
import { bytesOf, type TableShape } from './database-shape.ts';
import { nautobotRatios, type Ratios } from './rates.ts';

/** Tables together smaller than this say nothing: what is not rows outweighs them. */
const least = 1024 * 1024;

/**
 * What a byte on disk came to in a backup: Nautobot's ratios, corrected by how much text there really was and how well it
 * was compressed. The backup's tables are as large as they are now, give or take what has changed since.
 * @returns undefined when backup and database have too little in common
 */
export function ratiosOfBackup(manifest: Manifest, tables: readonly TableShape[]): Ratios | undefined {
  const byName = new Map(tables.map((table) => [relationKey(table), table]));
  const expected = { bytes: 0, text: 0, stored: 0 };
  const found = { text: 0, stored: 0 };
  for (const entry of manifest.tables) {
    const table = byName.get(relationKey(entry));
    if (!table || entry.content !== 'rows') continue;
    const { text, stored } = bytesOf(table, nautobotRatios);
    expected.bytes += table.bytes;
    expected.text += text;
    expected.stored += stored;
    found.text += entry.rawBytes;
    found.stored += entry.chunks.reduce((sum, { length }) => sum + length, 0);
  }
  if (expected.bytes < least || found.text === 0) return undefined;
  const moreText = found.text / expected.text;
  const moreStored = found.stored / found.text / (expected.stored / expected.text);
  return {
    textOfHeap: nautobotRatios.textOfHeap * moreText,
    textOfToast: nautobotRatios.textOfToast * moreText,
    storedOfHeapText: nautobotRatios.storedOfHeapText * moreStored,
    storedOfToastText: nautobotRatios.storedOfToastText * moreStored,
    storedOfMedia: mediaRatio(manifest) ?? nautobotRatios.storedOfMedia,
  };
}

function mediaRatio({ media, files }: Manifest): number | undefined {
  if (typeof media === 'string' || media.bytes < least || !files.media) return undefined;
  return files.media.size / media.bytes;
}
