import type { Database } from '../postgres/session.ts';
import type { MediaBuckets } from '../store/media-bucket.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { AllowedTarget } from './allowed.ts';
import type { RunOwner } from './owner.ts';
import type { Progress } from './progress.ts';
import type { RetentionRule } from './retention.ts';

export type { RunOwner } from './owner.ts';

/** How a run's cache is invalidated; a URL and a command may hold secrets and never enter a state. */
export type CacheSettings =
  | {
      readonly kind: 'redis';
      readonly url: string;
      readonly keyPrefix?: string;
      readonly databases?: readonly number[];
    }
  | { readonly kind: 'command'; readonly command: string };

/** Which profile a person chose, and what beside it; where it comes from, not what it says. */
export interface ProfileChoice {
  /** Name of a built-in profile, or a file; undefined: there are only `rows`. */
  readonly reference?: string;
  /** Folder that file names are relative to. */
  readonly folder: string;
  /** `TABLE: PREDICATE`, of the rows that stay. */
  readonly rows?: readonly string[];
  /** Values of the profile's switches. */
  readonly switches?: Readonly<Record<string, string>>;
}

/** The broker of a target's Celery; URLs may hold secrets and never enter a state. */
export interface BrokerSettings {
  readonly url: string;
  /** The URL is the cache's; the broker is beside it, where Nautobot has it. */
  readonly fromCache?: boolean;
  /** The source's, where a person named it: never touched, only compared. */
  readonly sourceUrl?: string;
}

/**
 * What a handler finds around it: the command line makes one from its options, Lambda from its environment.
 * A handler takes from here what it needs; what is missing for it is a `ConfigurationMissing` error.
 */
export interface Surroundings {
  readonly store: ObjectStore;
  readonly source?: Database;
  readonly target?: Database;
  /** Directory of the source's media; undefined: not backed up (`mediaReason` says why). */
  readonly sourceMedia?: string;
  readonly mediaReason?: string;
  readonly targetMedia?: string;
  /** Media of a remote storage backend, copied from the source's bucket into the target's. */
  readonly mediaBuckets?: MediaBuckets;
  readonly cache?: CacheSettings;
  readonly broker?: BrokerSettings;
  /** Sealed backups are locked for so long; undefined: not at all. */
  readonly retention?: RetentionRule;
  /** Shell command that AfterRestore runs. */
  readonly afterRestore?: string;
  /** Statements that Sanitize runs on the hidden database. */
  readonly sanitize?: { readonly name: string; readonly statements: readonly string[] };
  /** Applied where rows are read. */
  readonly sourceProfile?: ProfileChoice;
  /** Applied where they are loaded. */
  readonly targetProfile?: ProfileChoice;
  /** Secret of the masks: the same key gives the same masks. */
  readonly maskKey?: string;
  /** Password of the user that a profile's `staging_admin` names. */
  readonly stagingAdminPassword?: string;
  /** A person said that the target may be the source (`--allow-source`). */
  readonly allowSource: boolean;
  /** Targets that the configuration allows (`REPLICATOR_ALLOWED_TARGETS`); undefined: any that carries the mark. */
  readonly allowedTargets?: readonly AllowedTarget[];
  /** Options of executions that there is nothing for: Begin refuses them. */
  readonly unavailable?: readonly string[];
  /** What `confirmTarget` would ask was answered beforehand (`--yes`). */
  readonly yes?: boolean;
  /** A person confirmed that an unmarked database may become a restore target (`--yes`, or asked at the terminal). */
  readonly confirmTarget: (question: string) => Promise<boolean>;
  /** A person confirmed that tasks may be removed; undefined: asking for it was enough. */
  readonly confirmDrain?: (question: string) => Promise<boolean>;
  /** Does the process or execution that wrote a lock still go on? undefined: it can't be seen from here. */
  readonly isAlive: (owner: RunOwner) => Promise<boolean | undefined>;
  /** What names this process or execution in locks and run records. */
  readonly owner: RunOwner;
  readonly progress: Progress;
  /** Aborted when the run is: handlers hand it to what they wait for. */
  readonly signal: AbortSignal;
  /** Milliseconds that this handler has left; Infinity on one machine. */
  remainingMs(): number;
}
