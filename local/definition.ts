import { readFileSync } from 'node:fs';
import type { MachineName } from './machine-names.ts';

/** As much of the Amazon States Language as the runner looks at itself; the rest is aws-local-stepfunctions' business. */
export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, StateDefinition>>;
  /** Of an execution on AWS; on one machine a run takes what it needs. */
  readonly TimeoutSeconds?: number;
}

export interface StateDefinition {
  readonly Type: string;
  readonly Resource?: string;
  readonly Parameters?: Readonly<Record<string, unknown>>;
  readonly TimeoutSeconds?: number;
  readonly Branches?: readonly Definition[];
  readonly ItemProcessor?: Definition & { readonly ProcessorConfig?: { readonly Mode?: string } };
  readonly ItemsPath?: string;
  readonly ItemSelector?: Readonly<Record<string, unknown>>;
  readonly MaxConcurrency?: number;
  readonly MaxConcurrencyPath?: string;
  readonly [field: string]: unknown;
}

/** A machine as it was synthesised from infra/. */
export function readDefinition(machine: MachineName): Definition {
  const file = new URL(`./definitions/${machine}.asl.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Definition;
}
