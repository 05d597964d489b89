import type { CodeOf, FunctionOptions } from '../handler-functions.ts';
import type { Announcements } from '../machines/announcements.ts';
import type { BackupStore } from './backup-store.ts';
import type { CachePlace, DatabasePlace, NetworkPlace, SecretPlace } from './places.ts';

/** What may be said of a Nautobot, whether it is backed up or rebuilt. */
export interface InstanceOptions extends FunctionOptions {
  /**
   * The cache that is invalidated where an execution asks for it.
   * @default - none
   */
  readonly cache?: CachePlace | undefined;
  /**
   * A built-in profile, or a file's name beside the handlers.
   * @default - none
   */
  readonly profile?: string | undefined;
  /**
   * The secret that a profile's masks are keyed with.
   * @default - none
   */
  readonly maskKey?: SecretPlace | undefined;
  /**
   * Who is told of what runs came to, and of failures.
   * @default - events on the account's default bus
   */
  readonly announcements?: Announcements | undefined;
}

/** What has to be known of it. */
export interface InstanceProps {
  /** The deployment's name, which begins all other names: unique in account and region. */
  readonly deployment: string;
  readonly store: BackupStore;
  readonly codeOf: CodeOf;
  readonly network: NetworkPlace;
  readonly database: DatabasePlace;
}
