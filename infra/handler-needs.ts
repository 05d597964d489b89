/** What a handler may touch on AWS. What isn't named here, its role can't do. */
export interface HandlerNeeds {
  /**
   * `told`: reads what runs left. `reported`: reads reports. `runs`: reads and writes what runs leave. `seals`: may also
   * write new keys under `backups/`. `cleans`: removes locks and what runs left, and stores reports. `begins`: all that,
   * for it cleans up after the dead, and takes a lock.
   */
  readonly store?: 'told' | 'reported' | 'runs' | 'seals' | 'cleans' | 'begins';
  /** Reads sealed backups. */
  readonly backups?: true;
  /** Writes working objects of any size, in parts that it gives up when it fails. */
  readonly uploads?: true;
  readonly source?: true;
  /** Reads of the source what tells it from the target; in the machines of a target only. */
  readonly comparesSource?: true;
  readonly target?: true;
  readonly sourceMedia?: true;
  readonly targetMedia?: 'reads' | 'writes';
  /**
   * Buckets of a remote storage backend. `lists`: both. `adds`: copies into the target's. `settles`: may remove there,
   * where the target is to hold nothing else.
   */
  readonly mediaBuckets?: 'lists' | 'adds' | 'settles';
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
const intoTarget: HandlerNeeds = { store: 'runs', backups: true, target: true };

/** Every handler that a machine runs. */
export const handlerNeeds: Readonly<Record<string, HandlerNeeds>> = {
  Begin: { options: true },
  // Cleans up after the dead, too
  Lock: {
    store: 'begins',
    backups: true,
    source: true,
    target: true,
    targetMedia: 'writes',
    executions: true,
  },
  KeepSnapshot: { ...fromSource, executions: true, asynchronous: true },
  OpenSnapshot: { ...fromSource, profile: true },
  DumpSchema: { ...fromSource, uploads: true },
  PlanShards: fromSource,
  CopyShard: { ...fromSource, uploads: true, profile: true },
  PlanMedia: { store: 'runs', sourceMedia: true, profile: true },
  CompareMedia: { ...fromSource, profile: true },
  ArchiveMedia: { store: 'runs', uploads: true, sourceMedia: true },
  ReadSequences: fromSource,
  ReleaseSnapshot: fromSource,
  SealBackup: { store: 'seals', backups: true, source: true },
  AnnounceBackup: {},

  PlanRestore: {
    backups: true,
    cache: true,
    broker: true,
    store: 'runs',
    comparesSource: true,
    target: true,
    targetMedia: 'writes',
    mediaBuckets: 'lists',
    profile: true,
    adminPassword: true,
  },
  CreateDatabase: { ...intoTarget, targetMedia: 'writes' },
  LoadPreData: intoTarget,
  LoadShard: { ...intoTarget, profile: true },
  ExtractMedia: { store: 'runs', backups: true, targetMedia: 'writes' },
  Sanitize: { ...intoTarget, profile: true, adminPassword: true },
  BuildIndexes: intoTarget,
  AddConstraints: intoTarget,
  AddTriggers: intoTarget,
  RefreshViews: intoTarget,
  SetSequences: intoTarget,
  Analyze: intoTarget,
  VerifyRestore: { ...intoTarget, targetMedia: 'reads' },
  AddMediaObjects: { store: 'runs', backups: true, mediaBuckets: 'adds' },
  SwitchOver: { ...intoTarget, targetMedia: 'writes' },
  SettleMediaObjects: { store: 'runs', backups: true, mediaBuckets: 'settles' },
  AfterRestore: intoTarget,
  AnnounceRestore: { store: 'reported' },

  DrainBroker: { store: 'runs', cache: true, broker: true },
  InvalidateCache: { store: 'runs', cache: true },
  ReadFailure: { store: 'told' },
  AnnounceFailure: {},
  CleanUp: {
    store: 'cleans',
    backups: true,
    source: true,
    target: true,
    targetMedia: 'writes',
    executions: true,
  },
};
