import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaDirectoryMissing } from '../../functions/media/errors.ts';
import { checkMediaTarget, mountPointsBelow } from '../../functions/media/target.ts';
import { asOrdinaryUser } from './ordinary-user.ts';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'media-target-'));
  chmodSync(scratch, 0o755);
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

describe('checking the media directory of a target', () => {
  it('accepts one that can be swapped and leaves nothing in it', async () => {
    mkdirSync(join(scratch, 'media/folder'), { recursive: true });
    writeFileSync(join(scratch, 'media/file'), '');
    await checkMediaTarget(join(scratch, 'media'));
    expect(readdirSync(join(scratch, 'media'))).toEqual(['file', 'folder']);
  });

  it('refuses one that is missing', async () => {
    await expect(checkMediaTarget(join(scratch, 'nowhere'))).rejects.toThrow(MediaDirectoryMissing);
  });

  it('refuses one that the user may not write to, naming it', () => {
    mkdirSync(join(scratch, 'media'), { mode: 0o555 });
    expect(check('media')).toMatch(/^MediaNotWritable 2 .*\/media \(EACCES\)/);
  });

  it('refuses an entry that is a mount, also one of the same file system', () => {
    const table = [
      '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
      '61 22 254:0 /srv/x /opt/media/floor\\040plans rw - ext4 /dev/vda rw',
      '62 22 0:40 / /opt/media/deep/er rw - tmpfs tmpfs rw',
      '63 22 0:41 / /opt/mediation rw - tmpfs tmpfs rw',
      '64 22 0:42 / /opt/media rw - nfs4 efs:/ rw',
      '',
    ].join('\n');
    expect(mountPointsBelow(table, Buffer.from('/opt/media'))).toEqual(new Set(['floor plans']));
  });
});

function check(name: string): string {
  return asOrdinaryUser(
    scratch,
    { 'functions/media/target.ts': 'checkMediaTarget' },
    `await checkMediaTarget(${JSON.stringify(join(scratch, name))}).then(
       () => console.log('accepted'),
       (error) => console.log(error.name, error.exitCode, error.message),
     );`,
  );
}
