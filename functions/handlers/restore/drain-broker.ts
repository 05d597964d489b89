import { drainBroker as drain } from '../../cache/broker/drain-broker.ts';
import { leaveSection } from '../../report/leave-section.ts';
import { inUseAlready } from '../../restore/in-use-already.ts';
import { RestoreInput } from '../../restore/input.ts';
import { cacheServersOf, Restoring } from '../../restore/restoring.ts';
import { need } from '../../run/require.ts';
import { stateHandler } from '../state-handler.ts';

/** DrainBroker: tasks that the old staging had queued must not run on the new one. */
export const drainBroker = stateHandler(RestoreInput, async ({ run }, surroundings) => {
  const { store, signal } = surroundings;
  return inUseAlready(surroundings, async () => {
    const { manifest } = await Restoring.find(store, run.id);
    const drained = await drain(need(surroundings, 'broker'), { signal, sources: cacheServersOf(manifest) });
    await leaveSection(store, run.id, 'DrainBroker', drained);
    const { broker, tasks, remaining } = drained;
    return { broker, tasks, remaining };
  });
});
