/**
 * Framing of PostgreSQL's protocol, both ways (PostgreSQL manual, "Frontend/Backend Protocol", "Message Formats"):
 * a type byte, then a length that counts itself and not the type. Only start-up messages have no type.
 */

const protocol3 = 3;
const askingTypes = new Set(['Q', 'S', 'F', 'c', 'f']);

/** Whole frontend messages, and how many ReadyForQuery the server will send for them. */
export interface FrontendMessages {
  readonly bytes: Buffer;
  /** Answers to wait for; 0: nothing comes back. */
  readonly answers: number;
  /** The client says goodbye. */
  readonly last: boolean;
}

export type FirstMessage = 'start-up' | 'encryption';

/** Puts together what a client writes in pieces. libpq flushes a long query in several writes. */
export class FrontendFraming {
  #pending = Buffer.alloc(0);
  #started = false;

  /** Says what a start-up packet asks for; undefined once the start-up message has been seen. */
  push(bytes: Uint8Array): FirstMessage | FrontendMessages | undefined {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    return this.#started ? this.#messages() : this.#first();
  }

  #first(): FirstMessage | undefined {
    if (this.#pending.length < 8 || this.#pending.length < this.#pending.readUInt32BE(0)) return undefined;
    const code = this.#pending.readUInt32BE(4);
    this.#pending = this.#pending.subarray(this.#pending.readUInt32BE(0));
    // SSLRequest and GSSENCRequest carry 1234 in the place of the major version
    if (code >>> 16 !== protocol3) return 'encryption';
    this.#started = true;
    return 'start-up';
  }

  #messages(): FrontendMessages | undefined {
    let end = 0;
    let answers = 0;
    let last = false;
    while (this.#pending.length - end >= 5) {
      const length = 1 + this.#pending.readUInt32BE(end + 1);
      if (this.#pending.length - end < length) break;
      const type = String.fromCharCode(this.#pending[end] ?? 0);
      if (askingTypes.has(type)) answers++;
      if (type === 'X') last = true;
      end += length;
    }
    if (end === 0) return undefined;
    const bytes = Buffer.from(this.#pending.subarray(0, end));
    this.#pending = this.#pending.subarray(end);
    return { bytes, answers, last };
  }
}

/** Follows what a server sends and says where an answer ends. */
export class BackendFraming {
  /** Of the message that the bytes so far end in: header bytes seen, body bytes still to come. */
  #header = Buffer.alloc(0);
  #bodyLeft = 0;
  #type = '';
  #errorBody: Buffer[] = [];
  /** ErrorResponse's message field, of the newest error. */
  lastError: string | undefined;

  /** @returns how many times the server now waits for its client (ReadyForQuery, or COPY that wants data) */
  push(bytes: Buffer): number {
    let waits = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, bytes.length - at);
        if (this.#type === 'E') this.#errorBody.push(Buffer.from(bytes.subarray(at, at + taken)));
        this.#bodyLeft -= taken;
        at += taken;
      } else {
        const taken = Math.min(5 - this.#header.length, bytes.length - at);
        this.#header = Buffer.concat([this.#header, bytes.subarray(at, at + taken)]);
        at += taken;
        if (this.#header.length < 5) break;
        this.#type = String.fromCharCode(this.#header[0] ?? 0);
        this.#bodyLeft = this.#header.readUInt32BE(1) - 4;
      }
      if (this.#bodyLeft === 0) waits += this.#finish();
    }
    return waits;
  }

  #finish(): number {
    this.#header = Buffer.alloc(0);
    if (this.#type === 'E') {
      this.lastError = errorMessage(Buffer.concat(this.#errorBody));
      this.#errorBody = [];
    }
    return this.#type === 'Z' || this.#type === 'G' || this.#type === 'W' ? 1 : 0;
  }
}

/** Field M of an ErrorResponse: fields are a letter and a string that ends in a zero byte. */
function errorMessage(body: Buffer): string | undefined {
  const field = body
    .toString('utf8')
    .split('\0')
    .find((text) => text.startsWith('M'));
  return field?.slice(1);
}

/** What a server says to a start-up message when it lets the client in at once. */
export function startUpAnswer(connection: {
  readonly parameters: ReadonlyMap<string, string>;
  readonly processId: number;
  readonly secretKey: number;
}): Buffer {
  const key = Buffer.alloc(8);
  key.writeInt32BE(connection.processId, 0);
  key.writeInt32BE(connection.secretKey, 4);
  return Buffer.concat([
    message('R', Buffer.alloc(4)),
    ...[...connection.parameters].map(([name, value]) => message('S', Buffer.from(`${name}\0${value}\0`))),
    message('K', key),
    message('Z', Buffer.from('I')),
  ]);
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, 'latin1');
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}
