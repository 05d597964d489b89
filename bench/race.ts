import {
  compareFingerprints,
  type DatabaseFingerprint,
  fingerprintDatabase,
} from '../local/compare-databases.ts';
import { findProgram } from '../local/servers/find-program.ts';
import type { Contender } from './contenders/contender.ts';
import { type Measurement, measure } from './measure/measure.ts';
import type { ContenderResult, RowCheck } from './results.ts';
import { bucket } from './servers/s3.ts';
import type { BenchServers } from './servers/servers.ts';

/** One contender on its way through the rounds. */
export class Entry {
  readonly contender: Contender;
  readonly #servers: BenchServers;
  readonly #signal: AbortSignal;
  readonly #runs: Measurement[] = [];
  #outcome: ContenderResult['outcome'];
  #reason: string | undefined;
  #objectBytes: number | undefined;
  #check: RowCheck | undefined;

  private constructor(
    contender: Contender,
    servers: BenchServers,
    signal: AbortSignal,
    reason: string | undefined,
  ) {
    this.contender = contender;
    this.#servers = servers;
    this.#signal = signal;
    this.#outcome = reason === undefined ? 'measured' : 'missing';
    this.#reason = reason;
  }

  /** Finds out whether this machine can run it. */
  static async of(contender: Contender, servers: BenchServers, signal: AbortSignal): Promise<Entry> {
    const missing: string[] = [];
    for (const program of contender.needs)
      if ((await findProgram(program)) === undefined) missing.push(program);
    const reason =
      missing.length > 0 ? `not on the PATH: ${missing.join(', ')}` : await contender.unfit?.(servers);
    return new Entry(contender, servers, signal, reason);
  }

  get runs(): boolean {
    return this.#outcome === 'measured';
  }

  get lastRun(): Measurement | undefined {
    return this.#runs.at(-1);
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  leaveOut(): void {
    this.#outcome = 'left out';
    this.#reason = undefined;
  }

  /** Runs it once; a failure ends its part in the race, and not the others'. */
  async run(measured: boolean): Promise<void> {
    const { contender } = this;
    await this.#attempt(async () => {
      await this.#servers.emptyWork();
      if (contender.kind === 'backup') await this.#servers.store.clear(contender.name);
      if (this.#fillsTarget) await this.#servers.createTarget(this.#database);
      await this.#servers.settle();
      const before = await this.#servers.cpuSeconds();
      const measurement = await measure(
        contender.script(this.#servers),
        await this.#environment(),
        this.#signal,
      );
      const after = await this.#servers.cpuSeconds();
      const servers = before &&
        after && {
          postgres: after.postgres - before.postgres,
          store: after.store - before.store,
        };
      if (measured) this.#runs.push({ ...measurement, ...(servers && { servers }) });
      if (contender.kind === 'backup')
        this.#objectBytes = await this.#servers.store.bytesBelow(contender.name);
    });
  }

  /** Compares what is in its target with the source; a backup is rebuilt first, unmeasured, in a work folder of all. */
  async check(source: DatabaseFingerprint): Promise<void> {
    await this.#attempt(async () => {
      const { rebuild } = this.contender;
      if (rebuild !== undefined) {
        await this.#servers.createTarget(this.#database);
        await measure(rebuild, await this.#environment(), this.#signal);
      }
      const found = await fingerprintDatabase(await this.#servers.targetDatabase(this.#database));
      const compared = compareFingerprints(source, found);
      const differences = [
        ...compared.tables.map(({ table }) => `table ${table}`),
        ...compared.sequences.map(({ sequence }) => `sequence ${sequence}`),
        ...compared.definitions,
        ...found.notValid.map((name) => `not valid: ${name}`),
      ];
      this.#check = {
        equal: differences.length === 0,
        tables: compared.sameTables,
        rows: compared.sameRows,
        differences,
      };
    });
  }

  /** What one check says about the backup holds for the restore that read it, and the other way round. */
  adoptCheck(other: Entry): void {
    this.#check ??= other.#check;
  }

  get isChecked(): boolean {
    return this.#check !== undefined;
  }

  async dropTarget(): Promise<void> {
    if (this.#fillsTarget || this.contender.rebuild !== undefined)
      await this.#servers.dropTarget(this.#database);
  }

  result(): ContenderResult {
    const { name, title, kind } = this.contender;
    return {
      name,
      title,
      kind,
      script: this.contender.script(this.#servers),
      outcome: this.#outcome,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      runs: this.#runs,
      ...(this.#objectBytes !== undefined && { objectBytes: this.#objectBytes }),
      ...(this.#check && { check: this.#check }),
    };
  }

  get #fillsTarget(): boolean {
    return this.contender.kind === 'restore' || this.contender.kind === 'clone';
  }

  get #database(): string {
    return `bench_${this.contender.name.replaceAll('-', '_')}`;
  }

  async #environment(): Promise<Record<string, string>> {
    const { environment, sourceUrl, targetUrl, work, reading, store } = this.#servers;
    const folder = this.contender.reads ?? this.contender.name;
    return {
      ...environment,
      SOURCE: sourceUrl,
      TARGET: targetUrl(this.#database),
      STORE: `s3://${bucket}/${folder}`,
      WORK: work,
      READING: reading,
      BACKUP: (await store.foldersBelow(`${folder}/backups`)).at(-1) ?? '',
    };
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#signal.throwIfAborted();
      this.#outcome = 'failed';
      this.#reason = error instanceof Error ? error.message : String(error);
    }
  }
}
