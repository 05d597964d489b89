import { printable } from '../cli/text/printable.ts';
import { duration } from '../cli/text/quantities.ts';

export function line(text = ''): void {
  process.stdout.write(`${text.split('\n').map(printable).join('\n')}\n`);
}

/** A headline of its own paragraph. */
export function headline(text: string): void {
  line(`\n${text}`);
}

export interface Timed<Result> {
  readonly result: Result;
  /** `1.9 s` */
  readonly took: string;
}

export async function timed<Result>(work: Promise<Result>): Promise<Timed<Result>> {
  const began = performance.now();
  const result = await work;
  return { result, took: duration(performance.now() - began) };
}
