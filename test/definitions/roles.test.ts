import { expect, test } from 'vitest';
import { policyForRoles } from '../../functions/definitions/roles.ts';

const policy =
  'CREATE POLICY "pö TO x" ON s.t FOR SELECT TO "Ünal, A", b, CURRENT_USER USING (("a" = \'TO b\'::text))';

test.each([
  ['all there', ['Ünal, A', 'b'], policy],
  ['one missing', ['b'], policy.replace('"Ünal, A", b, CURRENT_USER', '"b", CURRENT_USER')],
  ['none there but a key word', [], policy.replace('"Ünal, A", b, CURRENT_USER', 'CURRENT_USER')],
])('a policy keeps the roles that exist: %s', async (_, existing, expected) => {
  expect(await policyForRoles(policy, (role) => existing.includes(role))).toBe(expected);
});

test('a policy for roles that are all missing is left out', async () => {
  expect(await policyForRoles('CREATE POLICY p ON t TO a, b USING (true)', () => false)).toBeUndefined();
});

test('a policy for everybody stays', async () => {
  const text = 'CREATE POLICY p ON t USING (true)';
  expect(await policyForRoles(text, () => false)).toBe(text);
});
