import { DefinitionsFailed } from './errors.ts';

/** pg_dump's plain output in its three parts; `preamble + body + ending` is the output without `\restrict`. */
export interface DumpText {
  /** Title, versions and the settings that everything after relies on. */
  readonly preamble: string;
  readonly body: string;
  readonly ending: string;
}

const endingText = '--\n-- PostgreSQL database dump complete\n--\n\n';

/**
 * Takes pg_dump's output apart. Only the two lines that name this run's restrict key go: psql knows `\restrict` since
 * the minor releases of August 2025 only, and a line of a function's body that looks like it is the function's.
 * `SET transaction_timeout` goes for servers that don't have it (before 17).
 * @throws DefinitionsFailed when the bytes aren't UTF-8 or the output hasn't the shape that pg_dump 18 gives it
 */
export function takeApart(output: Buffer, restrictKey: string, serverVersion: number): DumpText {
  const text = decode(output);
  const lead = `--\n-- PostgreSQL database dump\n--\n\n\\restrict ${restrictKey}\n\n`;
  const end = `${endingText}\\unrestrict ${restrictKey}\n\n`;
  const settings = /^-- Dumped from [^\n]*\n-- Dumped by [^\n]*\n\n(?:(?:SET|SELECT) [^\n]*;\n)+/.exec(
    text.slice(lead.length, lead.length + 10_000),
  )?.[0];
  if (!text.startsWith(lead) || !text.endsWith(end) || settings === undefined)
    throw new DefinitionsFailed('pg_dump ended without an error, but its output has no begin or no end');
  return {
    preamble: lead.slice(0, lead.indexOf('\\')) + settingsFor(serverVersion, settings),
    body: text.slice(lead.length + settings.length, -end.length),
    ending: endingText,
  };
}

function settingsFor(serverVersion: number, settings: string): string {
  return serverVersion >= 170_000 ? settings : settings.replace('SET transaction_timeout = 0;\n', '');
}

function decode(output: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(output);
  } catch (cause) {
    throw new DefinitionsFailed(
      "the database's definitions hold bytes that aren't UTF-8 (its encoding is SQL_ASCII, which checks nothing): " +
        'rename those objects or convert the database to UTF8 first',
      { cause },
    );
  }
}
