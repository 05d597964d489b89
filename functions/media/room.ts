import { statfs } from 'node:fs/promises';
import { sizeText } from '../run/size-text.ts';
import { MediaRoomMissing } from './errors.ts';

/**
 * Is there room for a second set of media beside the one in use?
 * @param anyway do not refuse (`--ignore-disk-space`)
 * @returns what was found, in words
 * @throws MediaRoomMissing
 */
export async function checkMediaRoom(media: string, bytes: number, anyway: boolean): Promise<string> {
  const system = await statfs(media);
  const free = system.bavail * system.bsize;
  const message = `${sizeText(free)} are free in ${media}, ${sizeText(bytes)} are needed`;
  if (free >= bytes || anyway) return message;
  throw new MediaRoomMissing(`${message}: free some, or say --ignore-disk-space`);
}
