const binary: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const decimal: Readonly<Record<string, number>> = { K: 1000, M: 1000 ** 2, G: 1000 ** 3, T: 1000 ** 4 };

/**
 * Reads a size: `1048576`, `256MiB` (powers of 1024; `256M` means the same), `1GB` (powers of 1000), `1.5 GiB`.
 * @returns whole bytes; undefined for what is not a size
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?b)?|b)?$/i.exec(text.trim());
  if (!match) return undefined;
  const [, digits, letter, unit] = match;
  const powers = unit?.toLowerCase() === 'b' ? decimal : binary;
  const bytes = Math.round(Number(digits) * (letter ? (powers[letter.toUpperCase()] ?? Number.NaN) : 1));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
