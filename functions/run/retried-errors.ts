/**
 * The one list of what a Task that runs a handler is tried again for. The machines are built from it (infra/), and the
 * record of a run's failure uses it to tell a final error from one that another attempt may still make good.
 * Handlers repeat safely, so each of them may be tried again whatever it had done.
 *
 * Names: `Lambda.…` are errors of Lambda's Invoke operation as Step Functions reports them; `Runtime.…`, `Sandbox.…`
 * come from the function's environment; the others are this project's codes.
 */
export interface RetriedErrors {
  readonly names: readonly string[];
  readonly intervalSeconds: number;
  readonly maxDelaySeconds: number;
  readonly maxAttempts: number;
}

/** Lambda itself had no place, no network interface, no key or no mount just then. */
export const notStarted: RetriedErrors = {
  names: [
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
    'Lambda.TooManyRequestsException',
    'Lambda.ResourceNotReadyException',
    'Lambda.ResourceConflictException',
    'Lambda.EC2ThrottledException',
    'Lambda.EC2UnexpectedException',
    'Lambda.ENILimitReachedException',
    'Lambda.SubnetIPAddressLimitReachedException',
    'Lambda.EFSIOException',
    'Lambda.EFSMountConnectivityException',
    'Lambda.EFSMountFailureException',
    'Lambda.EFSMountTimeoutException',
    'Lambda.KMSAccessDeniedException',
    'Lambda.KMSInvalidStateException',
  ],
  intervalSeconds: 2,
  maxDelaySeconds: 60,
  maxAttempts: 8,
};

/** The process died or ran out of time: the next attempt may take as long again, so there are few. */
const died: RetriedErrors = {
  names: [
    'OutOfTime',
    'Lambda.Unknown',
    'Runtime.ExitError',
    'Runtime.OutOfMemory',
    'Sandbox.Timedout',
    'States.Timeout',
  ],
  intervalSeconds: 2,
  maxDelaySeconds: 30,
  maxAttempts: 2,
};

/** PostgreSQL ended the connection or had none to give. */
const disconnected: RetriedErrors = {
  names: ['ConnectionLost', 'ServerBusy'],
  intervalSeconds: 1,
  maxDelaySeconds: 20,
  maxAttempts: 3,
};

/** What answered before does not any more: a failover or a restart takes a minute or two. */
const patience = { intervalSeconds: 2, maxDelaySeconds: 30, maxAttempts: 9 };
const serverAway: RetriedErrors = { names: ['ServerUnreachable'], ...patience };
const storeAway: RetriedErrors = { names: ['StoreUnreachable', 'StoreUnavailable'], ...patience };

export const retriedErrors: readonly RetriedErrors[] = [
  notStarted,
  died,
  disconnected,
  serverAway,
  storeAway,
];

/**
 * States that do not wait. `Lock` is the first to meet the servers and the store: where nobody answers it, the address is
 * wrong. What comes after a failure would make everybody wait who has such an address, or whom the store has failed for
 * minutes; what can't be cleaned up then is cleaned up by the next run.
 */
const impatient: ReadonlyMap<string, readonly RetriedErrors[]> = new Map([
  ['Lock', [serverAway, storeAway]],
  ['ReadFailure', [storeAway]],
  ['CleanUp', [storeAway]],
]);

/** What one state is tried again for, by its name. */
export function retriedErrorsOf(state: string): readonly RetriedErrors[] {
  const not = impatient.get(state) ?? [];
  return retriedErrors.filter((group) => !not.includes(group));
}

/** Is this state tried again because what answered before does not any more? */
export function isWaitedFor(state: string, errorName: string): boolean {
  return [serverAway, storeAway].some(
    (group) => group.names.includes(errorName) && retriedErrorsOf(state).includes(group),
  );
}

/** What OpenSnapshot says while the keeper is still on its way: asked again at a steady pace, for about ten minutes. */
export const awaitedError = 'SnapshotNotReady';
export const awaitedIntervalSeconds = 2;
export const awaitedAttempts = 300;

const retriedNames = new Set(retriedErrors.flatMap((group) => group.names));

/** May the machine try the state again after an error of this name? */
export function isRetried(errorName: string): boolean {
  return retriedNames.has(errorName);
}
