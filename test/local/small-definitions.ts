import type { Definition, StateDefinition } from '../../local/definition.ts';

/** A Task that runs the handler of the same name (or another), ending the machine unless `Next` is given. */
export function task(handler: string, more: Partial<StateDefinition> = {}): StateDefinition {
  return {
    Type: 'Task',
    Resource: `arn:aws:lambda:local:000000000000:function:${handler}`,
    TimeoutSeconds: 60,
    ...('Next' in more ? {} : { End: true }),
    ...more,
  };
}

/** States one after another: each leads to the next, the last one ends. */
export function sequence(states: Record<string, StateDefinition>): Definition {
  const names = Object.keys(states);
  const linked = names.map((name, index) => {
    const { End, ...state } = states[name] as StateDefinition;
    const next = names[index + 1];
    return [name, next && state.Next === undefined ? { ...state, Next: next } : states[name]] as const;
  });
  return { StartAt: names[0] as string, States: Object.fromEntries(linked) as Definition['States'] };
}

/** A distributed Map with one worker state over `$.items`. */
export function mapOver(
  worker: StateDefinition,
  name: string,
  more: Partial<StateDefinition> = {},
): StateDefinition {
  return {
    Type: 'Map',
    ItemsPath: '$.items',
    MaxConcurrencyPath: '$.jobs',
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      StartAt: name,
      States: { [name]: worker },
    } as never,
    ResultPath: null,
    End: true,
    ...more,
  };
}

export const cleanUp: Definition = { StartAt: 'CleanUp', States: { CleanUp: task('CleanUp') } };
