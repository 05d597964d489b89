import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunDisplay } from '../../cli/progress/run-display.ts';
import { surroundingsOf } from '../../cli/surroundings.ts';
import { handlers } from '../../functions/handlers/handlers.ts';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { runMachine } from '../../local/run-machine.ts';

/** The Backup machine with an input of one's own; its first round takes a while between snapshot and rows. */
export async function slowBackup(
  places: { source: string; store: string },
  input: Record<string, unknown>,
  pauseMs: number,
): Promise<unknown> {
  const quiet = new Writable({ write: (_chunk, _encoding, done) => done() });
  const { signal } = new AbortController();
  const io = { stdout: quiet, stderr: quiet, environment: process.env, signal };
  const surroundings = await surroundingsOf(places, io, new RunDisplay(io, true));
  const planShards: StateHandler = async (state, around) => {
    const { run } = state as { run: { round: number } };
    if (run.round === 1) await sleep(pauseMs, undefined, { signal: around.signal }).catch(() => {});
    return handlers.PlanShards(state, around);
  };
  return runMachine('backup', input, {
    handlers: { ...handlers, PlanShards: planShards },
    surroundingsFor: () => surroundings,
    signal,
  });
}
