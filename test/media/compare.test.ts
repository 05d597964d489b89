import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileComparison } from '../../functions/media/compare.ts';
import { mostNamed } from '../../functions/run/media-comparison.ts';
import { fileColumnsOf } from '../../functions/snapshot/file-references.ts';

const latin1 = (path: string) => Buffer.from(path).toString('latin1');

describe('files that a database refers to, held against files', () => {
  it('are missing, orphaned or neither, whatever alphabet they are named in', () => {
    const comparison = new FileComparison(['public.a.image', 'public.b.file']);
    for (const path of ['images/写真.png', './images//front.png', 'gone.png', 'gone.png', ''])
      comparison.refer(path, 0);
    comparison.refer('also gone.txt', 1);
    for (const path of ['images/写真.png', 'images/front.png', 'apps/own.cfg']) comparison.meet(latin1(path));
    comparison.meet('\xff\xfe');
    expect(comparison.result()).toEqual({
      columns: ['public.a.image', 'public.b.file'],
      referenced: 4,
      files: 4,
      missing: 2,
      leftOut: 0,
      missingFiles: [
        { path: 'gone.png', column: 'public.a.image' },
        { path: 'also gone.txt', column: 'public.b.file' },
      ],
      orphaned: 2,
      orphanedFiles: ['apps/own.cfg', '\\xff\\xfe'],
    });
  });

  it('are counted whole and named up to a bound', () => {
    const comparison = new FileComparison(['public.a.image']);
    for (let n = 0; n < 1000; n++) {
      comparison.refer(`missing-${n}`, 0);
      comparison.meet(`orphan-${n}`);
    }
    const { missing, missingFiles, orphaned, orphanedFiles } = comparison.result();
    expect([missing, orphaned]).toEqual([1000, 1000]);
    expect([missingFiles.length, orphanedFiles.length]).toEqual([mostNamed, mostNamed]);
  });

  it('add up, whatever refers to what', () => {
    const names = fc.array(fc.constantFrom(...'abcdefgh'));
    fc.assert(
      fc.property(names, fc.uniqueArray(fc.constantFrom(...'abcdefgh')), (references, files) => {
        let comparison = new FileComparison(['x']);
        for (const name of references) comparison.refer(name, 0);
        for (const name of files) {
          comparison.meet(name);
          comparison = FileComparison.resume(JSON.parse(JSON.stringify(comparison.saved)));
        }
        const { referenced, missing, orphaned } = comparison.result();
        const both = files.filter((name) => references.includes(name)).length;
        expect(referenced - missing).toBe(both);
        expect(files.length - orphaned).toBe(both);
      }),
    );
  });
});

describe('columns that refer to files', () => {
  const tables = [
    { schema: 'public', name: 'dcim_devicetype', columns: ['id', 'front_image', 'rear_image'] },
    { schema: 'public', name: 'extras_imageattachment', columns: ['id', 'image'] },
    { schema: 'public', name: 'app_plan', columns: ['id', 'drawing'] },
    { schema: 'other', name: 'app_plan', columns: ['id', 'drawing'] },
  ];
  it("are Nautobot's own, as far as this one has them, and those that a person names", () => {
    const { columns, unknown } = fileColumnsOf(tables, [
      'app_plan.drawing',
      'other.app_plan.drawing',
      'app_plan.picture',
      'nowhere.app_plan.drawing',
    ]);
    expect(columns.map(({ schema, table, column }) => `${schema}.${table}.${column}`)).toEqual([
      'public.extras_imageattachment.image',
      'public.dcim_devicetype.front_image',
      'public.dcim_devicetype.rear_image',
      'public.app_plan.drawing',
      'other.app_plan.drawing',
    ]);
    expect(unknown).toEqual(['app_plan.picture', 'nowhere.app_plan.drawing']);
  });
});
