/** What a handler may touch on AWS. What isn't named here, its role can't do. */
export interface HandlerNeeds {
  /**
   * `runs`: reads and writes working objects, and reads backups. `seals`: may also write new keys under `backups/`.
   * `cleans`: may also write and remove locks, store reports, and remove what runs left.
   */
  readonly store?: 'runs' | 'seals' | 'cleans';
  readonly source?: true;
  /** Reads of the source what tells it from the target; in the machines of a target only. */
  readonly comparesSource?: true;
  readonly target?: true;
  readonly sourceMedia?: true;
  readonly targetMedia?: 'reads' | 'writes';
  readonly cache?: true;
  /** Refuses options that the deployment has nothing for. */
  readonly options?: true;
  /** Celery's broker of the target, and that of the source to compare it with. */
  readonly broker?: true;
  /** Profile and mask key, those of the source in Backup's machines and of the target in Restore's. */
  readonly profile?: true;
  /** The password of the administrators that a profile makes. */
  readonly adminPassword?: true;
  /** Asks Step Functions whether an execution is still running. */
  readonly executions?: true;
  /** Started and not waited for: Lambda itself must not repeat it, the machine that starts it does. */
  readonly asynchronous?: true;
}

const fromSource: HandlerNeeds = { store: 'runs', source: true };
const intoTarget: HandlerNeeds = { store: 'runs', target: true };
const told: HandlerNeeds = { store: 'runs' };

/** Every handler that a machine runs. */
export const handlerNeeds: Readonly<Record<string, HandlerNeeds>> = {
  Begin: { options: true },
  Lock: {
    store: 'cleans',
    source: true,
    target: true,
    targetMedia: 'writes',
    executions: true,
  },
  KeepSnapshot: { ...fromSource, executions: true, asynchronous: true },
  OpenSnapshot: { ...fromSource, profile: true },
  DumpSchema: fromSource,
  PlanShards: fromSource,
  CopyShard: { ...fromSource, profile: true },
  PlanMedia: { store: 'runs', sourceMedia: true, profile: true },
  CompareMedia: { ...fromSource, profile: true },
  ArchiveMedia: { store: 'runs', sourceMedia: true },
  ReadSequences: fromSource,
  ReleaseSnapshot: fromSource,
  SealBackup: { store: 'seals', source: true },
  AnnounceBackup: told,

  PlanRestore: {
    cache: true,
    broker: true,
    store: 'runs',
    comparesSource: true,
    target: true,
    targetMedia: 'writes',
    profile: true,
    adminPassword: true,
  },
  CreateDatabase: intoTarget,
  LoadPreData: intoTarget,
  LoadShard: { ...intoTarget, profile: true },
  ExtractMedia: { store: 'runs', targetMedia: 'writes' },
  Sanitize: { ...intoTarget, profile: true, adminPassword: true },
  BuildIndexes: intoTarget,
  AddConstraints: intoTarget,
  AddTriggers: intoTarget,
  RefreshViews: intoTarget,
  SetSequences: intoTarget,
  Analyze: intoTarget,
  VerifyRestore: { ...intoTarget, targetMedia: 'reads' },
  SwitchOver: { ...intoTarget, targetMedia: 'writes' },
  AfterRestore: intoTarget,
  AnnounceRestore: told,

  DrainBroker: { store: 'runs', cache: true, broker: true },
  InvalidateCache: { store: 'runs', cache: true },
  ReadFailure: told,
  AnnounceFailure: told,
  CleanUp: { store: 'cleans', source: true, target: true, targetMedia: 'writes', executions: true },
};
