import { setFlagsFromString } from 'node:v8';

// V8 counts the memory of blocks on their way as growth of a heap that it keeps to a tenth above what was in use: it
// would collect garbage several times a second, and find none. Doubling is the rule that bounds it as well.
setFlagsFromString('--heap-growing-percent=100');

/**
 * Gives a buffer's memory back at once; the buffer is empty from then on. Left to garbage collection, blocks of
 * megabytes cost half of a restore's processor time (measured), and hundreds of megabytes wait for their turn.
 *
 * Nobody else may know of the buffer or of its memory, nor may anything be reading it, a socket's write included.
 */
export function freeMemory(bytes: Buffer): void {
  const memory = bytes.buffer;
  // What is smaller may lie in memory that Node.js shares out among many buffers
  if (memory instanceof ArrayBuffer && memory.byteLength > sharedAtMost) memory.transfer(0);
}

const sharedAtMost = Math.max(Buffer.poolSize, 64 * 1024);
