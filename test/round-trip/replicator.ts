import { Writable } from 'node:stream';
import { inject } from 'vitest';
import { backup } from '../../cli/backup.ts';
import type { Io } from '../../cli/io.ts';
import { restore } from '../../cli/restore.ts';

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** The verbs in this process, against the shared S3 server, with nobody at a terminal. */
export function verbs(signal: AbortSignal = new AbortController().signal) {
  Object.assign(process.env, inject('servers').s3.env);
  const io: Io = { stdout: nowhere(), stderr: nowhere(), environment: process.env, signal };
  return {
    backup: (options: Parameters<typeof backup>[0]) => backup(options, io),
    restore: (options: Parameters<typeof restore>[0]) => restore({ yes: true, ...options }, io),
  };
}
