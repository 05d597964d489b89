import { expect, test } from 'vitest';
import { handOverSeconds, keeperSeconds } from '../../functions/estimate/rates.ts';
import { handlerSeconds } from '../../infra/machines/lambda-state.ts';
import { readDefinition } from '../../local/definition.ts';

test('keepers come as often, and live as long, as the machine and its functions say', () => {
  expect(readDefinition('keep-snapshot').States.WaitForHandOver).toMatchObject({ Seconds: handOverSeconds });
  expect(keeperSeconds).toBe(handlerSeconds);
});
