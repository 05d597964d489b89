import { lchown, stat } from 'node:fs/promises';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who is to own what is restored: root gives everything to the owner of the media directory, because the ids of
 * production mean somebody else on staging. Other users can't give files away: undefined.
 */
export async function ownerFor(media: Buffer): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = await stat(media);
  return { uid, gid };
}

/** Must come before the mode is set: changing the owner clears the set-user-id bits. */
export async function giveTo(owner: Owner | undefined, path: Buffer): Promise<void> {
  if (owner !== undefined) await lchown(path, owner.uid, owner.gid);
}
