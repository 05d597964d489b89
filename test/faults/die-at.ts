import { type WatchedRun, watchedRun } from './watched-run.ts';

/** A program: makes one run and ends without a word at the n-th point that a pattern matches. */
export interface Death extends Pick<WatchedRun, 'machine' | 'places' | 'input'> {
  /** Of a regular expression; the points are those of watched-run.ts. */
  readonly point: string;
  /** 1: the first time. */
  readonly time: number;
}

const { point, time, ...run }: Death = JSON.parse(process.argv[2] ?? '');
const pattern = new RegExp(point);
let seen = 0;
await watchedRun({
  ...run,
  watch: (passed) => {
    if (process.env.SHOW_POINTS) process.stderr.write(`${passed.slice(0, 200)}\n`);
    if (pattern.test(passed) && ++seen === time) process.kill(process.pid, 'SIGKILL');
  },
});
process.exit(0);
