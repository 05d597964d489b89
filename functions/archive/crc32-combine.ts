/** The CRC-32 polynomial of zlib, reflected: bit 31 is the coefficient of x⁰. */
const polynomial = 0xedb88320;
const one = 0x80000000;
/** x⁸, which a checksum is multiplied by for each byte that follows. */
const byte = 0x00800000;

/** The CRC-32 of `first` followed by `second`, from their checksums and the length of `second` in bytes. */
export function combineCrc32(first: number, second: number, secondLength: number): number {
  return (multiply(first, power(byte, secondLength)) ^ second) >>> 0;
}

export function crc32Text(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}

export function crc32Value(text: string): number {
  return Number.parseInt(text, 16);
}

/** a·b modulo the polynomial. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return product >>> 0;
}

/** By squaring: lengths may be far beyond 32 bits. */
function power(base: number, exponent: number): number {
  let result = one;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}
