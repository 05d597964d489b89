import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackendFraming, FrontendFraming, startUpAnswer } from '../../functions/definitions/wire-messages.ts';

function message(type: string, body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

/** A start-up packet: no type, a length, a code. */
function startUp(code: number, rest = ''): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + rest.length, 0);
  head.writeUInt32BE(code, 4);
  return Buffer.concat([head, Buffer.from(rest)]);
}

const started = () => {
  const framing = new FrontendFraming();
  framing.push(startUp(196_608, 'user\0postgres\0\0'));
  return framing;
};

/** Cuts bytes at any places. */
function slices(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

describe('what a client writes', () => {
  test('a request for encryption is told from the start-up message', () => {
    const framing = new FrontendFraming();
    expect(framing.push(startUp(80_877_103))).toBe('encryption');
    expect(framing.push(startUp(80_877_104))).toBe('encryption');
    expect(framing.push(startUp(196_608, 'user\0x\0\0'))).toBe('start-up');
    expect(new FrontendFraming().push(startUp(196_610, 'user\0x\0\0'))).toBe('start-up');
  });

  test('half a message asks nothing', () => {
    const query = message('Q', Buffer.from('SELECT 1\0'));
    const framing = started();
    expect(framing.push(query.subarray(0, 7))).toBeUndefined();
    expect(framing.push(query.subarray(7))).toEqual({ bytes: query, answers: 1, last: false });
  });

  test('messages come out whole however they were cut, and each question is counted', () => {
    const kinds = fc.constantFrom('Q', 'P', 'B', 'E', 'S', 'd', 'c');
    fc.assert(
      fc.property(
        fc.array(fc.record({ kind: kinds, body: fc.uint8Array({ maxLength: 40 }) }), { minLength: 1 }),
        fc.array(fc.nat()),
        (messages, places) => {
          const framing = started();
          const bytes = Buffer.concat(messages.map(({ kind, body }) => message(kind, body)));
          const out = slices(bytes, places).flatMap((slice) => framing.push(slice) ?? []);
          const whole = out.filter((one) => typeof one === 'object');
          expect(Buffer.concat(whole.map((one) => one.bytes))).toEqual(bytes);
          expect(whole.reduce((sum, { answers }) => sum + answers, 0)).toBe(
            messages.filter(({ kind }) => 'QSc'.includes(kind)).length,
          );
        },
      ),
    );
  });

  test('goodbye is noticed', () => {
    expect(started().push(message('X', Buffer.alloc(0)))).toMatchObject({ answers: 0, last: true });
  });
});

describe('what a server sends', () => {
  test('an answer ends where the server waits, however its bytes arrive', () => {
    const kinds = fc.constantFrom('Z', 'G', 'T', 'D', 'C', 'S', 'N');
    fc.assert(
      fc.property(
        fc.array(fc.record({ kind: kinds, body: fc.uint8Array({ maxLength: 40 }) })),
        fc.array(fc.nat()),
        (messages, places) => {
          const framing = new BackendFraming();
          const bytes = Buffer.concat(messages.map(({ kind, body }) => message(kind, body)));
          const waits = slices(bytes, places).reduce((sum, slice) => sum + framing.push(slice), 0);
          expect(waits).toBe(messages.filter(({ kind }) => 'ZG'.includes(kind)).length);
        },
      ),
    );
  });

  test("the last error's text is kept", () => {
    const framing = new BackendFraming();
    const error = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'));
    framing.push(error.subarray(0, 12));
    framing.push(error.subarray(12));
    expect(framing.lastError).toBe('terminating connection');
  });

  test('the answer to a start-up message is one answer', () => {
    const answer = startUpAnswer({
      parameters: new Map([['server_version', '18.4']]),
      processId: 4711,
      secretKey: -5,
    });
    expect(new BackendFraming().push(answer)).toBe(1);
    expect(answer.toString('latin1')).toContain('server_version\x0018.4\0');
  });
});
