import { type NetworkChoice, networkMonth } from './network.ts';
import type { Prices } from './prices.ts';
import type { RunEstimate } from './run-tally.ts';

/** In the currency of the prices. */
export interface RunCost {
  readonly lambda: number;
  readonly stepFunctions: number;
  readonly s3Requests: number;
  readonly total: number;
}

/** What one run costs, storage aside. */
export function costOfRun(run: RunEstimate, prices: Prices): RunCost {
  const lambda =
    run.gbSeconds * prices.lambda.gbSecond + (run.invocations / 1e6) * prices.lambda.millionRequests;
  const stepFunctions = (run.transitions / 1000) * prices.stepFunctions.thousandTransitions;
  const s3Requests =
    (run.requests.gets / 1000) * prices.s3.thousandGets + (run.requests.puts / 1000) * prices.s3.thousandPuts;
  return { lambda, stepFunctions, s3Requests, total: lambda + stepFunctions + s3Requests };
}

export interface Month {
  readonly backups: number;
  readonly restores: number;
  /** Backups that are kept at a time. */
  readonly kept: number;
  /** How functions reach AWS, and in how many availability zones they are. */
  readonly network: NetworkChoice;
  readonly zones: number;
}

export interface MonthCost {
  readonly backups: number;
  readonly restores: number;
  readonly storage: number;
  /** null: the prices say nothing of networks. */
  readonly network: number | null;
  readonly total: number;
  /** What lies in S3 when as many backups as are kept have been made. */
  readonly storedBytes: number;
}

/** What a month costs once as many backups as are kept have been made. */
export function costOfMonth(
  { backups, restores, kept, network: choice, zones }: Month,
  runs: { readonly backup: RunCost; readonly restore: RunCost; readonly storedBytes: number },
  prices: Prices,
): MonthCost {
  const storedBytes = kept * runs.storedBytes;
  const made = backups * runs.backup.total;
  const restored = restores * runs.restore.total;
  // S3 bills in GB of 1024³ bytes ("TimedStorage-ByteHrs")
  const storage = (storedBytes / 1024 ** 3) * prices.s3.gbMonth;
  const network = networkMonth(choice, zones, prices) ?? null;
  const total = made + restored + storage + (network ?? 0);
  return { backups: made, restores: restored, storage, network, total, storedBytes };
}
