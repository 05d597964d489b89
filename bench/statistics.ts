export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @throws TypeError for no values at all */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [lower, upper] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (lower === undefined || upper === undefined || least === undefined || most === undefined)
    throw new TypeError('there is no median of nothing');
  return { median: (lower + upper) / 2, least, most };
}
