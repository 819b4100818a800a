/**
 * Do claimable tasks of one size need elements of their own? Pure. Each size is judged by itself: elements that are too small do not count, and
 * what became of other groups says nothing about this one.
 */
import { isBigEnough, isSameSize } from '../domain/element-size.ts';
import type { ArrayLife } from './array-life.ts';
import type { GroupDemand } from './demand.ts';
import { judgeWave, type WaveHistory } from './judge-wave.ts';

/** Elements are added for retries at once, otherwise only this long after the last ones. */
const ADD_EVERY_MS = 10 * 60_000;

export interface GroupQuestion {
  readonly group: GroupDemand;
  /** The group asks for more or less than the job file. */
  readonly isEscalated: boolean;
  /** Every array of the job, whatever its state. */
  readonly lives: readonly ArrayLife[];
  readonly generation: number;
  /** False: elements run their own stride only (`slurm.elements: tasks`). */
  readonly pull: boolean;
  readonly nowMs: number;
}

export type GroupVerdict =
  /** Live elements, or ones about to be sent, get to these tasks. */
  | { readonly next: 'leave' }
  /** Nobody can say whether there are such elements. */
  | { readonly next: 'look-again' }
  /** The last wave did nothing: the next one comes after a pause. */
  | { readonly next: 'wait'; readonly waitMs: number }
  /** `most`: elements worth adding beside live ones; null: as many as the tasks call for. */
  | { readonly next: 'submit'; readonly most: number | null; readonly fruitlessWaves: number }
  | { readonly next: 'give-up' };

export function judgeGroup(question: GroupQuestion): GroupVerdict {
  const { group, lives, pull } = question;
  const own = lives.filter(({ size }) => isSameSize(size, group.size));
  if (own.some(({ row }) => row.state === 'INTENT')) return { next: 'leave' };
  const bigger = lives.filter((life) => !own.includes(life) && isBigEnough(life.size, group.size));
  // A bigger element takes these tasks when it has nothing of its own, so that one at work is no help.
  const helpers = pull ? sum(bigger.map(({ idle }) => idle)) : 0;
  const live = sum(own.map(({ alive }) => alive)) + helpers;
  if (live > 0) {
    const most = worthAdding(question, own, { live, helpers });
    return most > 0 ? { next: 'submit', most, fruitlessWaves: 0 } : { next: 'leave' };
  }
  // Arrays of which nobody knows anything may still be alive; the batch system will tell, or forget them.
  if (own.some(({ isSilent }) => isSilent)) return { next: 'look-again' };
  const verdict = judgeWave(historyOf(question, own), group.attempts, sinceLast(question, own));
  if (verdict.next === 'give-up') return verdict;
  if (verdict.waitMs > 0) return { next: 'wait', waitMs: verdict.waitMs };
  return { next: 'submit', most: null, fruitlessWaves: verdict.fruitlessWaves };
}

/**
 * Elements worth adding beside live ones. Those keep claiming, so that of the job's own size only the difference to the widest wave so far is
 * added, once at most half of them are left, and only if those sent last were good for anything. Tasks of another size are few, and their
 * elements are sent for them alone: each that finds no idle element gets one, so that none waits behind a task of hours.
 */
function worthAdding(
  question: GroupQuestion,
  own: readonly ArrayLife[],
  { live, helpers }: { readonly live: number; readonly helpers: number },
): number {
  const { group, isEscalated } = question;
  const pending = group.pending.length;
  if (isEscalated) {
    const coming = sum(own.map(({ idle, isSilent, row }) => (isSilent ? row.elements : idle))) + helpers;
    return Math.max(0, pending - coming);
  }
  if (group.released === 0 && sinceLast(question, own) < ADD_EVERY_MS) return 0;
  if (historyOf(question, own)?.attemptsBefore === group.attempts) return 0;
  const widest = Math.max(0, ...own.map(({ row }) => row.waveElements));
  const wanted = Math.min(pending, widest);
  return live * 2 <= wanted ? wanted - live : 0;
}

function historyOf({ generation }: GroupQuestion, own: readonly ArrayLife[]): WaveHistory | null {
  const rows = own.map(({ row }) => row).filter((row) => (row.generation ?? 0) === generation);
  const wave = Math.max(-1, ...rows.map((row) => row.wave));
  const last = rows.filter((row) => row.wave === wave);
  const [first] = last;
  if (first === undefined) return null;
  return {
    isAccepted: last.some(({ handle }) => handle !== undefined),
    ...(first.attemptsBefore === undefined ? {} : { attemptsBefore: first.attemptsBefore }),
    fruitlessBefore: first.fruitlessBefore ?? 0,
  };
}

const sinceLast = ({ nowMs }: GroupQuestion, own: readonly ArrayLife[]): number =>
  nowMs - Math.max(0, ...own.map(({ row }) => row.submittedMs ?? 0));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
