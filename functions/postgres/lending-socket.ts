import { Socket } from 'node:net';

/** A read takes what the kernel has, up to this. */
const readBytes = 256 * 1024;

/** Who takes what a read brought: `data` is the beginning of `buffer`, which goes back by `giveBack`. */
export type Borrower = (data: Buffer, buffer: Buffer) => void;

export type LendingSocket = Socket & {
  /** From now on reads go to the borrower and not to `data` listeners; undefined: to the listeners again. */
  lend(borrower: Borrower | undefined): void;
  giveBack(buffer: Buffer): void;
};

/**
 * A socket that reads into memory of its own, which is used again: a new buffer for each of the many reads of a COPY
 * costs more in garbage collection than the rows themselves (Node.js, `new net.Socket`, `onread`).
 * Everybody else gets a copy, by `data` events as from any socket.
 */
export function lendingSocket(): LendingSocket {
  const free: Buffer[] = [];
  let borrower: Borrower | undefined;
  const socket = new Socket({
    onread: {
      buffer: () => free.pop() ?? Buffer.allocUnsafeSlow(readBytes),
      callback(length, memory) {
        const buffer = memory as Buffer;
        const data = buffer.subarray(0, length);
        if (borrower) borrower(data, buffer);
        else {
          const copy = Buffer.from(data);
          free.push(buffer);
          socket.emit('data', copy);
        }
        return true;
      },
    },
  });
  return Object.assign(socket, {
    lend(next: Borrower | undefined) {
      borrower = next;
    },
    giveBack(buffer: Buffer) {
      free.push(buffer);
    },
  });
}

export function isLending(socket: Socket): socket is LendingSocket {
  return 'lend' in socket;
}
