import type { z } from 'zod';

/** One option of a verb, as data: what `--help` shows, what parseArgs is told and what the value must be. */
export interface OptionKind<Schema extends z.ZodType = z.ZodType> {
  /** How help names the value; none: a flag. */
  readonly value?: string;
  /** May be given several times; the values become a list. */
  readonly multiple?: boolean;
  /** Environment variable that stands in for the option. */
  readonly environment?: string;
  /** One or two short sentences. */
  readonly help: string;
  /** Checks and converts the text (or the list of texts, or `true`). */
  readonly schema: Schema;
}

/** By the name that code uses; on the command line `excludeTableData` is `--exclude-table-data`. */
export type OptionKinds = Readonly<Record<string, OptionKind>>;

/** What a caller inside the process hands in: texts as on the command line, or what they become. */
export type OptionsInput<Kinds extends OptionKinds> = {
  readonly [Name in keyof Kinds as undefined extends z.input<Kinds[Name]['schema']> ? Name : never]?: z.input<
    Kinds[Name]['schema']
  >;
} & {
  readonly [Name in keyof Kinds as undefined extends z.input<Kinds[Name]['schema']> ? never : Name]: z.input<
    Kinds[Name]['schema']
  >;
};

export type Options<Kinds extends OptionKinds> = {
  readonly [Name in keyof Kinds]: z.output<Kinds[Name]['schema']>;
};

/** `excludeTableData` → `--exclude-table-data` */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
