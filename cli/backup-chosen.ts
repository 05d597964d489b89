import { UsageError } from '../functions/errors/usage.ts';
import * as option from './options.ts';
import { refuseExtra, type WrittenOptions } from './parse-options.ts';

/** Options of verbs that read one backup. */
export const backupChoice = { store: option.store, backup: option.backup };

/** The id may also stand free: `replicator show 20261123T054300Z-k3f9qa`. */
export function withFreeId({ values, positionals }: WrittenOptions): WrittenOptions['values'] {
  refuseExtra(positionals, 1);
  const [id] = positionals;
  if (id === undefined) return values;
  if (values.backup !== undefined)
    throw new UsageError('--backup and an id without an option are both given; give one of them');
  return { ...values, backup: id };
}
