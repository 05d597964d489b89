/** Rights that whole backups, restores and clean-ups don't use, and what they are for. */
export const unneeded: readonly { readonly rights: RegExp; readonly why: string }[] = [
  {
    rights: /-(CopyShard|DumpSchema|ArchiveMedia|SealBackup|CleanUp|Lock): s3:AbortMultipartUpload /,
    why: 'an upload in parts is given up when it fails in the middle',
  },
  {
    rights: /-SealBackup: s3:(ListBucketMultipartUploads|ListMultipartUploadParts) /,
    why: 'a file that is too large for one invocation is gone on with',
  },
  {
    rights: /-\w+: s3:ListBucket /,
    why: 'without it S3 answers 403 in the place of 404',
  },
  {
    rights: /-(ExtractMedia|LoadShard|KeepSnapshot): (s3:PutObject \S+\/runs\/\*|kms:GenerateDataKey \S+)$/,
    why: 'what a handler failed of is left with the run',
  },
  {
    rights: /-(AfterRestore|DrainBroker|InvalidateCache): /,
    why: 'only where the input asks for it: nothing is drained here, and no command is configured',
  },
  {
    rights: /-(AddMediaObjects|SettleMediaObjects): /,
    why: 'only where media are in buckets: here they are on a file system',
  },
  {
    rights:
      /-(Lock|CleanUp): (s3:(Put|Get|Delete)Object \S+\/(reports|backups|runs|locks)\/\*|kms:GenerateDataKey \S+)$/,
    why: 'cleaning up after a restore that died, and the report of it',
  },
  {
    rights: /-(Lock|CleanUp|KeepSnapshot): (states:DescribeExecution|s3:ListBucketMultipartUploads) /,
    why: 'asked about the holder of a lock that is in the way, and about the runs of others',
  },
];
