import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Manifest } from '../../functions/archive/manifest.ts';
import { cliInProcess, documentOf } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder, mediaFixture } from '../servers/fresh-folder.ts';

test.each([
  ['nautobot_31', 'nautobot-3.1'],
  ['nautobot_16', 'nautobot-1.6'],
] as const)(
  'media and rows of %s are held against each other at backup and after a restore',
  async (template, fixture) => {
    const source = await freshDatabase({ template });
    const target = await freshDatabase();
    const bucket = await freshBucket();
    Object.assign(process.env, bucket.env);
    const store = bucket.uri();
    const media = await mediaFixture(fixture);
    const session = await superuserSession(source.name);
    const [gone] = await session.query<{ image: string }>(
      'SELECT image FROM extras_imageattachment ORDER BY 1',
    );
    const [attachments] = await session.query<{ count: string }>(
      'SELECT count(DISTINCT image) FROM extras_imageattachment',
    );
    await session.execute(
      `CREATE TABLE app_plan (drawing varchar(100), note text);
       INSERT INTO app_plan VALUES ('plans/there.svg', 'x'), ('plans/lost.svg', 'x'), ('', 'x'), (NULL, 'x');
       INSERT INTO extras_fileproxy (id, name, file, uploaded_at) VALUES
         (gen_random_uuid(), 'in the database', 'extras.FileAttachment/bytes/filename/mimetype/a.csv', now()),
         (gen_random_uuid(), 'in a file', 'jobs/input.csv', now())`,
    );
    await session.end();
    await rm(join(media, gone?.image ?? ''));
    await mkdir(join(media, 'plans'));
    await writeFile(join(media, 'plans', 'there.svg'), '<svg/>');
    await writeFile(join(media, 'nobody refers to this.txt'), 'x');
    const profile = join(await freshFolder(), 'profile.yaml');
    await writeFile(
      profile,
      'version: 1\nfiles: [app_plan.drawing]\ntables:\n  extras_imageattachment: { rows: none }\n',
    );
    try {
      const plain = await cliInProcess([
        'backup',
        '--source',
        source.url,
        '--store',
        store,
        '--media',
        media,
      ]);
      expect(plain.code, plain.stderr).toBe(0);
      const shown = await cliInProcess(['show', '--store', store, '--json']);
      const { manifest } = documentOf(shown).backup as { manifest: Manifest };
      const comparison = Manifest.parse(manifest).mediaComparison;
      expect(comparison?.columns).toContain('public.extras_imageattachment.image');
      expect(comparison?.missingFiles).toEqual([
        { path: gone?.image, column: 'public.extras_imageattachment.image' },
        { path: 'jobs/input.csv', column: 'public.extras_fileproxy.file' },
      ]);
      expect(comparison?.missing).toBe(2);
      expect(comparison?.orphanedFiles).toEqual(
        expect.arrayContaining(['nobody refers to this.txt', 'plans/there.svg']),
      );
      const text = (await cliInProcess(['show', '--store', store])).stdout;
      expect(text).toMatch(
        / {2}media and rows: \d+ files referred to, 2 of them missing, \d+ referred to by nothing\n/,
      );
      expect(text).toContain(`    missing: ${gone?.image} (public.extras_imageattachment.image)\n`);

      const restored = await cliInProcess([
        ...['restore', '--store', store, '--target', target.url, '--yes'],
        ...['--media', await freshFolder(), '--profile', profile, '--json'],
      ]);
      expect(restored.code, restored.stderr).toBe(0);
      const { CompareMedia } = JSON.parse(restored.stdout).restore.report.sections;
      expect(CompareMedia.backup).toEqual(comparison);
      // The profile removed the attachments' rows, and names a column of an app's
      expect(CompareMedia.restored.missingFiles).toEqual([
        { path: 'jobs/input.csv', column: 'public.extras_fileproxy.file' },
        { path: 'plans/lost.svg', column: 'public.app_plan.drawing' },
      ]);
      expect(CompareMedia.restored.orphaned).toBe(
        (comparison?.orphaned ?? 0) - 1 + Number(attachments?.count) - 1,
      );
      expect(CompareMedia.restored.files).toBe(comparison?.files);
      const report = await cliInProcess(['report', '--store', store]);
      expect(report.stdout).toContain('    missing: plans/lost.svg (public.app_plan.drawing)\n');
    } finally {
      await source.drop();
      await target.drop();
    }
  },
  120_000,
);
