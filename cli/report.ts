import { UsageError } from '../functions/errors/usage.ts';
import { latestReport, readReport } from '../functions/report/read-report.ts';
import type { Report } from '../functions/report/report.ts';
import { openStore } from '../functions/store/open-store.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra, type WrittenOptions } from './parse-options.ts';
import { printResult } from './report/print-result.ts';
import { reportLines } from './report/report-lines.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = { store: option.store, restore: option.restore, json: option.json };

export const reportVerb: Verb = {
  name: 'report',
  summary: 'Show what a restore came to: checked, removed, masked, compared, how long it took',
  usage: '[ID|latest] --store s3://BUCKET/PREFIX [--json]',
  details: [
    'Every restore that began leaves a report in the store, one that failed or was interrupted too. With --json the whole of it is printed under `report`.',
  ],
  options,
  async run(written, io) {
    const chosen = validateOptions(options, withFreeRun(written), io.environment);
    const found = await report(chosen, io);
    printResult(io, chosen, { report: found }, reportLines(found));
    return 0;
  },
};

/** @throws ReportUnknown, ReportUnreadable */
export async function report(given: OptionsInput<typeof options>, io: Io): Promise<Report> {
  const chosen = validateOptions(options, given, io.environment);
  const store = openStore(chosen.store, { signal: io.signal });
  return chosen.restore === 'latest' ? latestReport(store) : readReport(store, chosen.restore);
}

/** The id may also stand free. */
function withFreeRun({ values, positionals }: WrittenOptions): WrittenOptions['values'] {
  refuseExtra(positionals, 1);
  const [id] = positionals;
  if (id === undefined) return values;
  if (values.restore !== undefined)
    throw new UsageError('--restore and an id without an option are both given; give one of them');
  return { ...values, restore: id };
}
