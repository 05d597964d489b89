import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { type NautobotFixture, unpackMedia } from '../../local/servers/nautobot-fixture.ts';

/** Makes an empty folder that goes away with the servers at the end of the test run. */
export async function freshFolder(name = 'folder'): Promise<string> {
  const folder = await mkdtemp(join(inject('servers').folders, `${name}-`));
  // Tests with another user's rights may come here.
  await chmod(folder, 0o755);
  return folder;
}

/** Unpacks a Nautobot's media into a folder of its own; returns the path of `media`. */
export async function mediaFixture(fixture: NautobotFixture): Promise<string> {
  return unpackMedia(fixture, await freshFolder('media'));
}
