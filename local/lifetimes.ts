import { OutOfTime } from '../functions/run/out-of-time.ts';
import { TaskFailure } from './errors.ts';

/** What Lambda gives a function at most, which the machines' waits are made for. */
const lambdasSeconds = 900;
/** Before its end a handler is asked to let go of what it holds: on Lambda ten seconds before. */
const noticeShare = 0.1;
const longestNoticeSeconds = 10;

/** How long a Wait of a definition lasts here, in milliseconds: as long, for its length, as the handlers live. */
export function scaledWaitMs(seconds: number, lambdaSeconds: number | undefined): number {
  return (seconds * 1000 * (lambdaSeconds ?? lambdasSeconds)) / lambdasSeconds;
}

/**
 * Gives work the lifetime of a Lambda function. What takes longer counts as ended by Lambda, whatever came of it.
 * @param lambdaSeconds undefined: it may take as long as it does
 * @throws TaskFailure `Sandbox.Timedout`
 */
export async function withinLifetime<T>(
  lambdaSeconds: number | undefined,
  outer: AbortSignal,
  work: (signal: AbortSignal, remainingMs: () => number) => Promise<T>,
): Promise<T> {
  if (lambdaSeconds === undefined) return work(outer, () => Number.POSITIVE_INFINITY);
  const end = performance.now() + lambdaSeconds * 1000;
  const remainingMs = () => Math.max(0, end - performance.now());
  const notice = Math.min(longestNoticeSeconds, lambdaSeconds * noticeShare);
  const nearlyOver = new AbortController();
  const timer = setTimeout(
    () =>
      nearlyOver.abort(
        new OutOfTime(`the ${lambdaSeconds} s that --lambda-seconds gives a handler are nearly over`),
      ),
    (lambdaSeconds - notice) * 1000,
  );
  try {
    const output = await work(AbortSignal.any([outer, nearlyOver.signal]), remainingMs);
    if (remainingMs() > 0) return output;
  } finally {
    clearTimeout(timer);
  }
  const cause = `Task timed out after ${lambdaSeconds.toFixed(2)} seconds`;
  throw new TaskFailure('Sandbox.Timedout', JSON.stringify({ errorMessage: cause }), new OutOfTime(cause));
}
