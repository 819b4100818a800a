/**
 * The words a batch system has for the state of an array element: those of Slurm 21.08 to 25.x, which the local scheduler uses too. Pure.
 */
import type { Cause } from './causes.ts';

export type BatchPhase = 'waiting' | 'running' | 'ended';

export interface BatchWord {
  readonly phase: BatchPhase;
  /** Why an attempt ended whose element is in this state. `by-exit`: the exit status says; `by-owner`: who cancelled it says. */
  readonly over: Cause | 'by-exit' | 'by-owner';
}

/** The element goes on under a new number of restarts, so the attempt before it was cut off. */
const waiting: BatchWord = { phase: 'waiting', over: 'requeued' };
/** An attempt that is over although its element runs gave no sign of life. */
const running: BatchWord = { phase: 'running', over: 'hung' };
const ended = (over: BatchWord['over']): BatchWord => ({ phase: 'ended', over });

/** Slurm requeues some ended elements; they then show as PENDING, and a requeued one is never an end. */
const WORDS: Readonly<Record<string, BatchWord>> = {
  PENDING: waiting,
  CONFIGURING: waiting,
  POWER_UP_NODE: waiting,
  REQUEUED: waiting,
  REQUEUE_FED: waiting,
  REQUEUE_HOLD: waiting,
  RESV_DEL_HOLD: waiting,
  SPECIAL_EXIT: waiting,
  EXPEDITING: waiting,
  RUNNING: running,
  COMPLETING: running,
  SUSPENDED: running,
  STOPPED: running,
  SIGNALING: running,
  STAGE_OUT: running,
  RESIZING: running,
  UPDATE_DB: running,
  COMPLETED: ended('by-exit'),
  FAILED: ended('by-exit'),
  CANCELLED: ended('by-owner'),
  TIMEOUT: ended('time-limit'),
  DEADLINE: ended('deadline-missed'),
  OUT_OF_MEMORY: ended('oom'),
  NODE_FAIL: ended('node-fail'),
  BOOT_FAIL: ended('launch-failed'),
  LAUNCH_FAILED: ended('launch-failed'),
  RECONFIG_FAIL: ended('launch-failed'),
  PREEMPTED: ended('preempted'),
  // A sibling of a federation runs the job elsewhere; what becomes of it cannot be seen from here.
  REVOKED: ended('unknown'),
};

export const BATCH_WORDS: readonly string[] = Object.keys(WORDS);

/** The bare word of a state with its suffixes (`CANCELLED by 1000`, `OUT_OF_ME+`); null when it is none of them, or cut off so that several would fit. */
export function batchWord(text: string): string | null {
  const word = /^\s*([A-Z_]+)/.exec(text)?.[1];
  const rest = word === undefined ? '' : text.trim().slice(word.length);
  if (word === undefined || !/^(?:\+| by \S+)?$/.test(rest)) return null;
  if (Object.hasOwn(WORDS, word)) return word;
  const fits = rest === '+' ? BATCH_WORDS.filter((state) => state.startsWith(word)) : [];
  return fits.length === 1 ? (fits[0] as string) : null;
}

/** What a state with its suffixes says; null for a word that is not known. */
export function meaningOfWord(text: string): BatchWord | null {
  const word = batchWord(text);
  return word === null ? null : (WORDS[word] as BatchWord);
}

/** The user id of `CANCELLED by 1000`; null when the text does not say. */
export function cancelledBy(text: string): number | null {
  const uid = /^\s*CANCELLED by (\d{1,10})\s*$/.exec(text)?.[1];
  return uid === undefined ? null : Number(uid);
}
