import { allowTargetVerb } from './allow-target.ts';
import { backupVerb } from './backup.ts';
import { estimateVerb } from './estimate.ts';
import { exportVerb } from './export.ts';
import { listVerb } from './list.ts';
import { profileVerb } from './profile.ts';
import { replicateVerb } from './replicate.ts';
import { reportVerb } from './report.ts';
import { restoreVerb } from './restore.ts';
import { showVerb } from './show.ts';
import { startVerb } from './start.ts';
import { statusVerb } from './status.ts';
import { undoVerb } from './undo.ts';
import type { Verb } from './verb.ts';
import { verifyVerb } from './verify.ts';

/** In the order in which help shows them. */
export const verbs: readonly Verb[] = [
  backupVerb,
  restoreVerb,
  replicateVerb,
  listVerb,
  showVerb,
  verifyVerb,
  exportVerb,
  reportVerb,
  profileVerb,
  estimateVerb,
  allowTargetVerb,
  undoVerb,
  startVerb,
  statusVerb,
];

/** Verbs of the documented contract that this version doesn't have. */
export const laterVerbs: readonly string[] = ['prune'];
