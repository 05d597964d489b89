import { errorOf } from '../errors/replicator-error.ts';

/** The reason of a handler's signal when Lambda is about to end it: what it holds can still be let go of properly. */
export class OutOfTime extends errorOf({
  code: 'OutOfTime',
  exitCode: 1,
  meaning:
    'A handler had not finished when its 15 minutes on Lambda were nearly over; it is tried again, and smaller shards help.',
}) {}
