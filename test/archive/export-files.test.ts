import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ExportOptions, exportBackup } from '../../functions/archive/export-files.ts';
import type { Manifest } from '../../functions/archive/manifest.ts';
import { sealBackup } from '../../functions/archive/seal.ts';
import { silence } from '../../functions/run/progress.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { sampleFiles, samplePostData, samplePreData, sampleRun, sampleText } from './sample-backup.ts';
import { testStore } from './test-store.ts';

const id = '20261123T054300Z-k3f9qa';
const options: ExportOptions = { progress: silence };

describe('export', () => {
  let store: ObjectStore;
  let manifest: Manifest;
  let directory: string;
  beforeEach(async () => {
    store = (await testStore()).store;
    manifest = await sealBackup(store, await sampleRun(store, id));
    directory = await freshFolder('export');
  });

  const read = (name: string) => readFile(join(directory, name), 'utf8');

  it('writes the three files of the manual procedure', async () => {
    const files = await exportBackup(store, manifest, directory, options);
    expect(files.map(({ path }) => path)).toEqual(
      ['nautobot.sql', 'nautobot_schema.sql', 'nautobot_media.tar.gz'].map((name) => join(directory, name)),
    );
    expect(await read('nautobot.sql')).toBe(sampleText());
    expect(await read('nautobot_schema.sql')).toBe(`${samplePreData}${samplePostData}`);
    const listed = execFileSync('tar', ['-tzf', join(directory, 'nautobot_media.tar.gz')], {
      encoding: 'utf8',
    });
    expect(listed.trimEnd().split('\n')).toEqual(Object.keys(sampleFiles));
    expect((await readdir(directory)).sort()).toEqual([
      'nautobot.sql',
      'nautobot_media.tar.gz',
      'nautobot_schema.sql',
    ]);
  });

  it('replaces nothing unless it is told to', async () => {
    await writeFile(join(directory, 'nautobot_schema.sql'), 'mine');
    const refused = exportBackup(store, manifest, directory, options);
    await expect(refused).rejects.toMatchObject({ code: 'FileExists', exitCode: 2 });
    expect(await readdir(directory)).toEqual(['nautobot_schema.sql']);
    expect(await read('nautobot_schema.sql')).toBe('mine');
    await exportBackup(store, manifest, directory, { ...options, force: true });
    expect(await read('nautobot_schema.sql')).not.toBe('mine');
  });

  it('leaves no file that is not whole and verified', async () => {
    const key = `backups/${id}/database.sql.zst`;
    const bytes = (await store.get(key))?.body ?? Buffer.alloc(0);
    for (const at of [30, bytes.length >> 1, bytes.length - 1]) {
      const spoilt = Buffer.from(bytes);
      spoilt[at] = (spoilt[at] ?? 0) ^ 1;
      await store.put(key, spoilt);
      const failed = exportBackup(store, manifest, directory, options);
      await expect(failed).rejects.toMatchObject({ code: 'DamagedBackup', exitCode: 4 });
      expect(await readdir(directory)).toEqual([]);
    }
    await store.remove([key]);
    await expect(exportBackup(store, manifest, directory, options)).rejects.toMatchObject({
      code: 'DamagedBackup',
    });
    expect(await readdir(directory)).toEqual([]);
  });

  it('leaves nothing half written when it is aborted', async () => {
    const control = new AbortController();
    const progress = { ...silence, advance: () => control.abort(new Error('enough')) };
    const aborted = exportBackup(store, manifest, directory, { progress, signal: control.signal });
    await expect(aborted).rejects.toThrow('enough');
    expect(await readdir(directory)).toEqual([]);
  });

  it('says that a directory is not there or is none', async () => {
    await writeFile(join(directory, 'file'), '');
    for (const name of ['missing', 'file']) {
      const refused = exportBackup(store, manifest, join(directory, name), options);
      await expect(refused).rejects.toMatchObject({ code: 'DirectoryUnusable', exitCode: 2 });
    }
  });

  if (process.platform === 'linux') {
    it('says that nothing can be written into a directory', async () => {
      const refused = exportBackup(store, manifest, '/proc/self', options);
      await expect(refused).rejects.toMatchObject({ code: 'DirectoryUnusable', exitCode: 2 });
    });
  }
});
