import { describe, expect, it } from 'vitest';
import { invalidateByCommand } from '../../functions/cache/invalidate-by-command.ts';
import { CommandFailed } from '../../functions/commands/errors.ts';
import { silence } from '../../functions/run/progress.ts';

describe('invalidating by a command', () => {
  it('shows its output as it comes and respects its exit code', async () => {
    const shown: string[] = [];
    const options = {
      signal: new AbortController().signal,
      progress: { ...silence, warn: (message: string) => shown.push(message) },
      env: { CACHE: 'gone' },
    };
    const { output } = await invalidateByCommand('echo "cache $CACHE"', options);
    expect(output).toBe('cache gone\n');
    expect(shown).toEqual(['cache command: cache gone']);
    await expect(invalidateByCommand('exit 3', options)).rejects.toThrow(CommandFailed);
  });

  it('shows a bounded part of a long output', async () => {
    const shown: string[] = [];
    const progress = { ...silence, warn: (message: string) => shown.push(message) };
    const signal = new AbortController().signal;
    const { output } = await invalidateByCommand('seq 1 1000', { signal, progress });
    expect(shown).toHaveLength(200);
    expect(output.endsWith('1000\n')).toBe(true);
  });
});
