import { recordingTime } from '../report/recording-time.ts';
import { recordingFailures } from '../run/failure.ts';
import type { StateHandler } from './state-handler.ts';

/** A handler as both Lambda and this machine run it: why it failed, and how long it took, is left with the run. */
export function recorded(state: string, handler: StateHandler): StateHandler {
  return recordingFailures(state, recordingTime(state, handler));
}
