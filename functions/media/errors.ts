import { errorOf } from '../errors/replicator-error.ts';
import { printable } from './path.ts';

export class MediaDirectoryMissing extends errorOf({
  code: 'MediaDirectoryMissing',
  exitCode: 2,
  meaning: 'The media directory does not exist or is no directory; check --media and what is mounted there.',
}) {}

export class MediaUnreadable extends errorOf({
  code: 'MediaUnreadable',
  exitCode: 2,
  meaning:
    'A file or folder of the media directory cannot be read; give the reading user access to what is named.',
}) {}

export class MediaNotWritable extends errorOf({
  code: 'MediaNotWritable',
  exitCode: 2,
  meaning:
    "The target's media directory, or an entry that would have to be moved in it, cannot be changed by this user.",
}) {}

export class MediaRoomMissing extends errorOf({
  code: 'MediaRoomMissing',
  exitCode: 2,
  meaning:
    "The disk of the target's media directory has no room for a second set of media beside the one in use; --ignore-disk-space tries anyway.",
}) {}

export class MediaDamaged extends errorOf({
  code: 'MediaDamaged',
  exitCode: 4,
  meaning: 'The media archive of a backup is not the archive that was written: it is cut short or altered.',
}) {}

export class MediaUnsafe extends errorOf({
  code: 'MediaUnsafe',
  exitCode: 4,
  meaning: 'A member of the media archive would be written outside the directory it is unpacked into.',
}) {}

export class NothingKept extends errorOf({
  code: 'NothingKept',
  exitCode: 2,
  meaning:
    'There is no earlier database or media to go back to: restores keep them with --keep-previous; `replicator undo --list` shows what is there.',
}) {}

export class MediaSwapPending extends errorOf({
  code: 'MediaSwapPending',
  exitCode: 1,
  meaning: 'A switch-over of media was interrupted; it must be finished or undone before its folders can go.',
}) {}

export class MediaSwapUnprepared extends errorOf({
  code: 'MediaSwapUnprepared',
  exitCode: 1,
  meaning: 'The switch-over of media has no journal, or one that cannot be read: nothing was moved.',
}) {}

/** The error code of a system call, `ENOENT`; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const refused = new Set(['EACCES', 'EPERM', 'EROFS']);

/** What the file system said of a change in a media directory, as an error that says what to do where it is known. */
export function asNotWritable(error: unknown, media: Buffer): unknown {
  const code = systemCode(error);
  if (code === undefined || !refused.has(code)) return error;
  return new MediaNotWritable(
    `entries of the media directory ${printable(media)} can't be moved (${code}): run as its owner, or mount it writable`,
    { cause: error },
  );
}

export class BadMediaPattern extends errorOf({
  code: 'BadMediaPattern',
  exitCode: 2,
  meaning:
    'A pattern of media files (--exclude-media, or `media` in a profile) can not be read; docs/media.md says how they are written.',
}) {}

export class MediaPatternMatchesNothing extends errorOf({
  code: 'MediaPatternMatchesNothing',
  exitCode: 2,
  meaning:
    'No media file of the backup is named by --media-only, or the backup has no media: nothing was changed.',
}) {}

export class MediaInTheWay extends errorOf({
  code: 'MediaInTheWay',
  exitCode: 2,
  meaning:
    'In the media directory a folder, or a link, is where --media-only would put a file, or the other way round: nothing was changed; move it away or restore all media.',
}) {}

export class MediaBucketsOverlap extends errorOf({
  code: 'MediaBucketsOverlap',
  exitCode: 3,
  meaning:
    "The bucket of the target's media is, or lies in, that of the source's media or of the backups: nothing is written there.",
}) {}

export class MediaBucketEmpty extends errorOf({
  code: 'MediaBucketEmpty',
  exitCode: 2,
  meaning:
    "There is nothing where the source's media should be, and all that the source has not would be removed from the target: is the prefix right?",
}) {}

export class MediaObjectsDiffer extends errorOf({
  code: 'MediaObjectsDiffer',
  exitCode: 1,
  meaning:
    "After media were copied from bucket to bucket, an object of the target's is not as long as the source's: does something else write there?",
}) {}
