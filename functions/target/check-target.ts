import type { SourceFacts, TableEntry } from '../archive/manifest.ts';
import { describeAddress } from '../postgres/address.ts';
import type { Database, Session } from '../postgres/session.ts';
import { type AllowedTarget, textOf } from '../run/allowed.ts';
import { type Check, fine, refusalsOf, refused, unknown, warning } from '../run/check.ts';
import type { RunId } from '../run/run-id.ts';
import { sizeText } from '../run/size-text.ts';
import { checkOthers, checkTables } from './check-tables.ts';
import { checkMigrations } from './compare-migrations.ts';
import { checkDiskRoom } from './disk-room.ts';
import { TargetIsSource, TargetNotAllowed, TargetNotListed, TargetUnfit } from './errors.ts';
import { findMissing } from './find-missing.ts';
import { applicationName } from './names.ts';
import { checkMaintenance, checkObstacles, checkRights } from './obstacles.ts';
import { listPrevious } from './previous.ts';
import { compareWithSource } from './same-database.ts';
import { readTargetFacts, type TargetFacts } from './target-facts.ts';
import { hasMark, notMarked, readDatabaseComment } from './target-mark.ts';

/** What a person, or the configuration, has said of targets. */
export interface TargetRules {
  /** `--allow-source` */
  readonly allowSource: boolean;
  /** `--allow-older-code` */
  readonly allowOlder: boolean;
  /** `--ignore-disk-space` */
  readonly ignoreDisk: boolean;
  /** `--yes`: an unmarked target gets its mark without a question. */
  readonly yes: boolean;
  /** `--drop-previous`: what earlier restores have kept goes in the end. */
  readonly dropPrevious: boolean;
  /** undefined: any marked one. */
  readonly allowedTargets: readonly AllowedTarget[] | undefined;
}

export interface TargetCheckOptions {
  readonly runId: RunId;
  readonly target: Database;
  /** The manifest's. */
  readonly manifestSource: SourceFacts;
  /** Roles that the definitions name. */
  readonly roles: readonly string[];
  /** Tables of the backup, or those whose rows are to be replaced; undefined: there is no backup yet. */
  readonly tables: readonly TableEntry[] | undefined;
  /** Of the rows to be loaded, as text. */
  readonly textBytes: number;
  /** For the live probe. */
  readonly source?: Database | undefined;
  readonly rules: TargetRules;
  /** `tables`: rows of some tables go into the target in use, which stays the database it is. */
  readonly scope: 'database' | 'tables';
  readonly signal?: AbortSignal | undefined;
}

export interface TargetCheck {
  readonly facts: TargetFacts;
  readonly checks: readonly Check[];
  /** For the question whether an unmarked database may be replaced. */
  readonly hints: readonly string[];
}

/** The name of the check that a person's answer can settle. */
export const markCheck = 'mark';

/**
 * Finds everything that would make a restore fail or go wrong later, before anything is built; changes nothing.
 * @throws ServerUnreachable, LoginRefused, DatabaseMissing; what else is wrong are refusals among the checks
 */
export async function checkTarget(options: TargetCheckOptions): Promise<TargetCheck> {
  const { target, rules, signal, scope, manifestSource } = options;
  const session = await target.connect({
    applicationName: applicationName(options.runId, 'check'),
    settings: { search_path: '', default_transaction_read_only: 'off' },
    ...(signal && { signal }),
  });
  try {
    const source = await checkSource(session, options);
    const facts = await readTargetFacts(session);
    const checks = [
      ...source.checks,
      checkListed(target, rules.allowedTargets),
      await checkMark(session, target, rules.yes),
      ...(await findMissing(session, facts, manifestSource, options.roles)),
      ...checkRights(facts),
      ...(await checkMaintenance(target, options.runId, signal)),
      ...(scope === 'database' ? await checkObstacles(session) : []),
      ...(await checkContents(session, scope, options.tables)),
      ...(await checkMigrations(session, manifestSource.migrations, rules.allowOlder)),
      await checkKept(session, target, rules.dropPrevious),
      await checkDiskRoom(session, target, options.textBytes, rules.ignoreDisk),
    ];
    return { facts, checks, hints: source.hints };
  } finally {
    await session.end();
  }
}

async function checkContents(
  session: Session,
  scope: TargetCheckOptions['scope'],
  tables: TargetCheckOptions['tables'],
): Promise<readonly Check[]> {
  if (!tables) return [];
  return scope === 'tables' ? checkTables(session, tables) : [await checkOthers(session, tables)];
}

/**
 * Ends a restore before it begins when checks have refused it: with the only refusal's own error, or with all of them at
 * once, as the gravest: a safety rule's comes before what is merely missing.
 */
export function refuse(checks: readonly Check[], target: Database): void {
  const errors = refusalsOf(checks);
  const [gravest] = errors;
  if (!gravest) return;
  if (errors.length === 1 && !(gravest instanceof TargetUnfit)) throw gravest;
  const list = errors.map(({ message }) => `\n- ${message}`).join('');
  const lead = `${describeAddress(target.address)} can't be restored into yet, nothing was built:`;
  throw new (gravest.constructor as typeof TargetUnfit)(lead + list, { cause: gravest.cause });
}

async function checkSource(
  session: Session,
  options: TargetCheckOptions,
): Promise<{ checks: Check[]; hints: readonly string[] }> {
  const { target, rules } = options;
  const same = await compareWithSource({ ...options, targetSession: session });
  const name = 'source';
  if (same.proof !== undefined) {
    const message = `${describeAddress(target.address)} is the source: ${same.proof}`;
    const check = rules.allowSource
      ? warning(name, `${message}; --allow-source was said`)
      : refused(
          name,
          new TargetIsSource(
            `${message}. Check --target; if the source itself is to be replaced, say --allow-source`,
          ),
        );
    return { checks: [check], hints: same.hints };
  }
  const hints = same.hints.map((hint) => warning(name, hint));
  const unprobed =
    same.unprobed === undefined
      ? []
      : [unknown(name, `no session of the source could be looked for in the target: ${same.unprobed}`)];
  return {
    checks: [fine(name, `it is not the source: ${same.compared}`), ...hints, ...unprobed],
    hints: same.hints,
  };
}

/** @param allowed undefined: there is no list */
export function checkListed(
  target: Pick<Database, 'address'>,
  allowed: TargetRules['allowedTargets'],
): Check {
  const name = 'allowed-targets';
  if (!allowed) return fine(name, 'REPLICATOR_ALLOWED_TARGETS is not set: any marked target is allowed');
  const entry = allowed.find((one) => one.allows(target.address));
  if (entry) return fine(name, `allowed as ${entry.text}`);
  return refused(
    name,
    new TargetNotListed(
      `${describeAddress(target.address)} is not on the list of allowed targets (${textOf(allowed)}); check --target, or add it to REPLICATOR_ALLOWED_TARGETS`,
    ),
  );
}

export async function checkMark(session: Session, target: Database, yes: boolean): Promise<Check> {
  const comment = await readDatabaseComment(session, target.address.database);
  if (hasMark(comment)) return fine(markCheck, 'it is marked as a restore target');
  if (yes) return fine(markCheck, 'it is not marked as a restore target yet; --yes was said');
  return refused(markCheck, new TargetNotAllowed(notMarked(target)));
}

/** Each kept database is as large as the one in use, and nobody but a person removes it. */
async function checkKept(session: Session, { address }: Database, dropped: boolean): Promise<Check> {
  const name = 'kept-previous';
  const kept = await listPrevious(session, address.database);
  if (kept.length === 0) return fine(name, 'no database of an earlier restore is kept');
  const bytes = kept.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  const message = `databases of ${kept.length} earlier runs are kept, ${sizeText(bytes)}`;
  if (dropped) return fine(name, `${message}; they are removed in the end`);
  return warning(name, `${message}: remove them with --drop-previous, or replicator undo --drop`);
}
