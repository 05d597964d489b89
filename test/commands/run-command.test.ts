import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandFailed, CommandTimedOut } from '../../functions/commands/errors.ts';
import { OutputTail } from '../../functions/commands/output-tail.ts';
import { runCommand } from '../../functions/commands/run-command.ts';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'command-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const calm = { signal: new AbortController().signal, timeoutMs: 20_000, name: 'the test command' };

describe('a command of the user', () => {
  it('runs in a shell, with more environment, and gives its output line by line', async () => {
    const lines: string[] = [];
    const { output } = await runCommand('for i in 1 2; do echo "$NAME $i"; done; printf end >&2', {
      ...calm,
      env: { NAME: 'nautobot' },
      onLine: (line) => lines.push(line),
    });
    expect(output).toBe('nautobot 1\nnautobot 2\nend');
    expect(lines).toEqual(['nautobot 1', 'nautobot 2', 'end']);
  });

  it('that fails is an error that names its exit code and its last lines, but not the command', async () => {
    const attempt = runCommand('echo first; echo password=secret >/dev/null; echo why >&2; exit 7', calm);
    await expect(attempt).rejects.toThrow(CommandFailed);
    const message = await attempt.then(String, (error: Error) => error.message);
    expect(message).toContain('the test command ended with exit code 7');
    expect(message).toContain('first');
    expect(message).toContain('why');
    expect(message).not.toContain('secret');
  });

  it('that does not exist or dies by a signal is an error', async () => {
    await expect(runCommand('no-such-command-anywhere', calm)).rejects.toThrow(/exit code 127/);
    await expect(runCommand('kill -9 $$', calm)).rejects.toThrow(/by SIGKILL/);
  });

  it('gets no standard input, so that it cannot wait for a person', async () => {
    expect((await runCommand('cat; echo done', calm)).output).toBe('done\n');
  });

  it('that writes without end is kept to its last 64 KiB', async () => {
    const { output } = await runCommand('yes 0123456789 | head -c 5000000; echo; echo the end', calm);
    expect(output.length).toBeLessThanOrEqual(64 * 1024 + 1);
    expect(output.startsWith('…')).toBe(true);
    expect(output.endsWith('the end\n')).toBe(true);
  });

  it('that runs too long is ended, with everything it has started', async () => {
    const pidFile = join(scratch, 'pid');
    const attempt = runCommand(`sleep 300 & echo $! > ${pidFile}; echo begun; wait`, {
      ...calm,
      timeoutMs: 300,
    });
    await expect(attempt).rejects.toThrow(CommandTimedOut);
    await expect(attempt).rejects.toThrow(/begun/);
    expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  it('is ended when the run is aborted, and the reason of the abort is passed on', async () => {
    const controller = new AbortController();
    const pidFile = join(scratch, 'pid');
    const attempt = runCommand(`echo $$ > ${pidFile}; exec sleep 300`, {
      ...calm,
      signal: controller.signal,
    });
    while (!existsSync(pidFile)) await new Promise((resolve) => setTimeout(resolve, 10));
    controller.abort(new Error('Ctrl-C'));
    await expect(attempt).rejects.toThrow('Ctrl-C');
    expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  it('that ignores the polite signal is killed', async () => {
    const attempt = runCommand("trap '' TERM; while :; do sleep 0.1; done", { ...calm, timeoutMs: 200 });
    await expect(attempt).rejects.toThrow(CommandTimedOut);
  }, 20_000);

  it('is not even started when the run is aborted already', async () => {
    const signal = AbortSignal.abort(new Error('Ctrl-C'));
    await expect(runCommand(`touch ${scratch}/started`, { ...calm, signal })).rejects.toThrow('Ctrl-C');
    expect(existsSync(join(scratch, 'started'))).toBe(false);
  });

  it('that leaves a service running in the background is done when it has ended itself', async () => {
    const { output, durationMs } = await runCommand('sleep 300 & echo $!', calm);
    const pid = Number(output);
    expect(durationMs).toBeLessThan(10_000);
    expect(isRunning(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });
});

describe('the end of an output', () => {
  it('is all of it when it fills the limit exactly, an empty piece before it or not', () => {
    const tail = new OutputTail(8, () => {});
    for (const piece of ['', 'abcd', 'efgh']) tail.add(Buffer.from(piece), piece);
    expect(tail.text()).toBe('abcdefgh');
  });

  it('is the last bytes of it and every line once, however the pieces come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 30 }),
        fc.integer({ min: 4, max: 60 }),
        (pieces, limit) => {
          const lines: string[] = [];
          const tail = new OutputTail(limit, (line) => lines.push(line));
          for (const piece of pieces) tail.add(Buffer.from(piece), piece);
          tail.finish();
          const expected = pieces.join('').split(/\r?\n/);
          if (expected.at(-1) === '') expected.pop();
          if (expected.every((line) => line.length <= limit)) expect(lines).toEqual(expected);
          const whole = Buffer.from(pieces.join(''));
          const kept = Buffer.from(tail.text().replace(/^…/, ''));
          if (whole.length <= limit) expect(tail.text()).toBe(whole.toString());
          expect(whole.subarray(whole.length - kept.length).equals(kept)).toBe(true);
          expect(kept.length).toBeGreaterThanOrEqual(Math.min(whole.length, limit) - 3);
          expect(kept.length).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });
});

function isRunning(pid: number): boolean {
  try {
    // A process that nobody has waited for yet is still listed, as a zombie.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
