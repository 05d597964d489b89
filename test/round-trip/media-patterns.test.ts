import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cliInProcess, documentOf } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

const entries = async (folder: string) =>
  (await readdir(folder, { recursive: true })).filter((name) => !name.startsWith('.replicator-')).sort();

test('media stay out by pattern: of a backup, of a restore, and by its profile, and are counted', async () => {
  const source = await freshDatabase();
  const target = await freshDatabase();
  const bucket = await freshBucket();
  Object.assign(process.env, bucket.env);
  const store = bucket.uri();
  const media = await freshFolder();
  for (const folder of ['jobs', 'jobs/old', 'images', 'plans']) await mkdir(join(media, folder));
  for (const file of [
    'jobs/a.csv',
    'jobs/old/b.csv',
    'images/a.png',
    'images/disk.iso',
    'plans/3F.svg',
    'x.iso',
  ])
    await writeFile(join(media, file), '12345678');
  // Larger than a shard, so that it is cut into parts
  await writeFile(join(media, 'plans', 'large.bin'), 'x');
  await truncate(join(media, 'plans', 'large.bin'), 3 * 1024 * 1024 + 5);
  const session = await superuserSession(source.name);
  await session.execute(`CREATE TABLE extras_imageattachment (image varchar(100));
    INSERT INTO extras_imageattachment VALUES ('images/a.png'), ('images/disk.iso'), ('images/lost.png')`);
  await session.end();
  try {
    const made = await cliInProcess([
      ...['backup', '--source', source.url, '--store', store, '--media', media, '--shard-size', '1MiB'],
      ...['--exclude-media', '*.iso', '--exclude-media', 'jobs/old', '--json'],
    ]);
    expect(made.code, made.stderr).toBe(0);
    const { leftOut } = JSON.parse(made.stdout).backup;
    expect(leftOut.mediaFiles).toEqual({ patterns: ['*.iso', 'jobs/old'], files: 3, bytes: 24 });
    const shown = await cliInProcess(['show', '--store', store]);
    expect(shown.stdout).toContain('  left out: 3 media files, 24 B, by *.iso, jobs/old\n');
    expect(shown.stdout).toContain(
      '  media and rows: 3 files referred to, 1 of them missing, 1 left out by pattern, 3 referred to by nothing\n',
    );
    expect((await cliInProcess(['verify', '--store', store])).code).toBe(0);

    const profile = join(await freshFolder(), 'profile.yaml');
    await writeFile(profile, "version: 1\nmedia: { exclude: ['*.bin'] }\n");
    const into = await freshFolder();
    await writeFile(join(into, 'of staging.txt'), 'goes away');
    const restored = await cliInProcess([
      ...['restore', '--store', store, '--target', target.url, '--yes', '--media', into],
      ...['--exclude-media', 'jobs', '--profile', profile, '--json'],
    ]);
    expect(restored.code, restored.stderr).toBe(0);
    expect(await entries(into)).toEqual(['images', 'images/a.png', 'plans', 'plans/3F.svg']);
    const { sections } = JSON.parse(restored.stdout).restore.report;
    expect(sections.VerifyRestore.media).toEqual({
      files: 2,
      bytes: 16,
      leftOut: { patterns: ['jobs', '*.bin'], files: 2, bytes: 3 * 1024 * 1024 + 5 + 8 },
    });
    expect(sections.CompareMedia.restored).toMatchObject({ referenced: 3, missing: 1, leftOut: 1, files: 2 });

    const wrong = await cliInProcess([
      'backup',
      '--source',
      source.url,
      '--store',
      store,
      '--exclude-media',
      '../x',
    ]);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--exclude-media: "..\/x" is no pattern/),
    });
  } finally {
    await source.drop();
    await target.drop();
  }
}, 120_000);

test('some media go into a staging that stays in use, and nothing else changes', async () => {
  const source = await freshDatabase();
  const target = await freshDatabase();
  const bucket = await freshBucket();
  Object.assign(process.env, bucket.env);
  const store = bucket.uri();
  const [media, staging] = [await freshFolder(), await freshFolder()];
  for (const folder of [media, staging])
    for (const name of ['images', 'plans']) await mkdir(join(folder, name));
  for (const file of ['images/a.png', 'images/b.png', 'plans/3F.svg'])
    await writeFile(join(media, file), 'production');
  await truncate(join(media, 'images', 'b.png'), 2 * 1024 * 1024 + 7);
  for (const file of ['images/a.png', 'images/own.png', 'plans/3F.svg'])
    await writeFile(join(staging, file), 'staging');
  const session = await superuserSession(target.name);
  await session.execute("CREATE TABLE t (a text); INSERT INTO t VALUES ('staging')");
  await session.end();
  const only = (...args: string[]) =>
    cliInProcess(['restore', '--store', store, '--target', target.url, '--media', staging, ...args]);
  const content = async () => {
    const files = await entries(staging);
    const texts = files
      .filter((name) => /\.(png|svg)$/.test(name))
      .map(async (name) => [
        name,
        (await readFile(join(staging, name), 'latin1')).slice(0, 10).replaceAll('\0', ''),
      ]);
    return Object.fromEntries(await Promise.all(texts));
  };
  const before = { 'images/a.png': 'staging', 'images/own.png': 'staging', 'plans/3F.svg': 'staging' };
  try {
    await cliInProcess([
      'backup',
      '--source',
      source.url,
      '--store',
      store,
      '--media',
      media,
      '--shard-size',
      '1MiB',
    ]);
    expect(await only('--media-only', '*.png')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('(TargetNotAllowed)'),
    });
    expect(await content()).toEqual(before);
    const none = await only('--media-only', '*.gif', '--yes');
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('(MediaPatternMatchesNothing)') });
    expect(await content()).toEqual(before);
    const mixed = await only('--media-only', '*.png', '--keep-previous');
    expect(mixed).toMatchObject({ code: 2, stderr: expect.stringContaining('--media-only') });

    const done = await only('--media-only', '*.png');
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).toContain('  1 file replaced, 1 file added, ');
    expect(await content()).toEqual({
      ...before,
      'images/a.png': 'production',
      'images/b.png': 'production',
    });
    expect((await stat(join(staging, 'images', 'b.png'))).size).toBe(2 * 1024 * 1024 + 7);
    expect((await readdir(staging)).sort()).toEqual(['images', 'plans']);
    const rows = await superuserSession(target.name);
    expect(await rows.query('SELECT a FROM t')).toEqual([{ a: 'staging' }]);
    await rows.end();
    const runId = /replicator report (\S+)/.exec(done.stdout)?.[1] ?? '';
    const reported = await cliInProcess(['report', runId, '--store', store, '--json']);
    expect(documentOf(reported).report).toMatchObject({
      outcome: 'restored',
      sections: {
        PlanRestore: { scope: 'media' },
        RestoreMedia: { replaced: 1, added: 1, patterns: ['*.png'] },
      },
    });
  } finally {
    await source.drop();
    await target.drop();
  }
}, 120_000);
