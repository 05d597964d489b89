import { expect, test } from 'vitest';
import { compile, validateDefinition } from '../../local/compile.ts';
import type { Definition } from '../../local/definition.ts';
import { DefinitionRefused } from '../../local/errors.ts';
import { runMachine } from '../../local/run-machine.ts';
import { recording } from './fake-surroundings.ts';
import { mapOver, sequence, task } from './small-definitions.ts';

const handlers = new Set(['Work', 'CleanUp']);

function refusal(definition: Definition): string {
  try {
    validateDefinition(definition);
    compile(definition, handlers);
  } catch (error) {
    expect(error).toBeInstanceOf(DefinitionRefused);
    return (error as Error).message;
  }
  throw new Error('the definition was not refused');
}

test('refuses a Task without TimeoutSeconds, inside a Map too', () => {
  const { TimeoutSeconds: _, ...endless } = task('Work');
  expect(refusal(sequence({ Work: endless }))).toBe('the Task Work has no TimeoutSeconds');
  expect(refusal(sequence({ All: mapOver(endless, 'Inner') }))).toBe('the Task Inner has no TimeoutSeconds');
});

test('refuses a Task that nothing on this machine does', () => {
  expect(refusal(sequence({ Other: task('Unknown') }))).toContain('needs the handler Unknown');
  const sns = task('Work', { Resource: 'arn:aws:states:::sqs:sendMessage' });
  expect(refusal(sequence({ Tell: sns }))).toContain('arn:aws:states:::sqs:sendMessage');
  const synchronous = task('Work', {
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: { FunctionName: 'arn:aws:lambda:local:000000000000:function:Work' },
  });
  expect(refusal(sequence({ Work: synchronous }))).toContain('has no counterpart');
});

test('refuses Maps that would not mean the same here', () => {
  const inline = mapOver(task('Work'), 'Inner', {
    ItemProcessor: sequence({ Inner: task('Work') }) as never,
  });
  expect(refusal(sequence({ All: inline }))).toBe('the Map All is not a distributed one');
  const batched = mapOver(task('Work'), 'Inner', { ItemBatcher: { MaxItemsPerBatch: 2 } });
  expect(refusal(sequence({ All: batched }))).toContain('ItemBatcher');
});

test('refuses two states of one name, which a log could not tell apart', () => {
  expect(refusal(sequence({ Work: mapOver(task('Work'), 'Work') }))).toContain(
    'A state with this name already exists: Work',
  );
});

test('refuses what is no valid definition', () => {
  expect(refusal({ StartAt: 'Nowhere', States: { Work: task('Work') } })).toContain('no valid one');
});

test('nothing starts when a machine further down cannot run', async () => {
  const nested = {
    Type: 'Task',
    Resource: 'arn:aws:states:::states:startExecution.sync:2',
    TimeoutSeconds: 60,
    Parameters: { StateMachineArn: 'arn:aws:states:local:000000000000:stateMachine:Restore', Input: {} },
    End: true,
  };
  const { options, began } = recording(
    { Work: async () => null },
    {
      replicate: sequence({ Work: task('Work'), RunRestore: nested }),
      restore: sequence({ Missing: task('Missing') }),
    },
  );
  await expect(runMachine('replicate', {}, options)).rejects.toThrow(DefinitionRefused);
  expect(began).toEqual([]);
});
