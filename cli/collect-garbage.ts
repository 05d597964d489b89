import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * To be called right before `process.exit`, which waits for V8's threads: one that compiles in the background and finds
 * the heap full waits in turn for a collection on this thread, and both wait for ever (seen in one of three short runs
 * of Node 24.21, with a debugger). After a collection there is room.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
