import { batchWord, meaningOfWord } from '../../../domain/batch-words.ts';
import type { Cause } from '../../../domain/causes.ts';
import { classify } from '../../../domain/classify.ts';
import type { ExitStatus } from './exit-status.ts';

/** What a state of Slurm means here. */
export interface StateMeaning {
  readonly phase: 'waiting' | 'running' | 'ended' | 'unknown';
  readonly cause: Cause | null;
}

export interface StateFacts {
  readonly state: string;
  readonly exit: ExitStatus;
  readonly reason?: string | undefined;
  readonly ownUid: number;
}

/** What a state word with its suffixes (`CANCELLED by 1000`, `COMPLETED+`) says. A word that is not known is never an end. */
export function meaningOf({ state, exit, reason, ownUid }: StateFacts): StateMeaning {
  const meaning = meaningOfWord(state);
  if (meaning === null) return { phase: 'unknown', cause: null };
  if (meaning.phase !== 'ended') return { phase: meaning.phase, cause: null };
  const endedWell = batchWord(state) === 'COMPLETED' && exit.exitCode === 0;
  const cause = endedWell ? null : classify({ batchState: state, batchReason: reason, ownUid, ...exit });
  return { phase: 'ended', cause };
}
