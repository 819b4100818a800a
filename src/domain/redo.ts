/**
 * What `retry` writes down: which items of which tasks are run again, and where the outcomes of the other items of those tasks are. The committed
 * result of a redone task is again the whole task, so that each item has one row whatever was run how often.
 */
import type { AttemptId, JobId, TaskId } from './ids.ts';
import { includes, parseRanges, type ItemRange } from './item-ranges.ts';
import { MANIFEST_SCHEMAS } from './manifest.ts';
import type { TaskState } from './states.ts';
import type { TaskNeeds } from './task-item.ts';

/** Where the outcomes of the items that are not run again are. */
export type RedoBase =
  /** In the result file of an earlier winner. `sha256`: of its done.json. */
  | { readonly kind: 'winner'; readonly attempt: AttemptId; readonly sha256: string }
  /** In segments 1…`segments` at `redoBaseKey(job, task, base, seq)`. */
  | { readonly kind: 'segments'; readonly generation: number; readonly name: string; readonly segments: number };

/** One task of a retry, with the state it was in when it was chosen: it is opened again only if that has not changed. */
export interface RedoTask {
  readonly task: TaskId;
  readonly seen: {
    readonly state: TaskState;
    readonly generation: number;
    readonly attempts: number;
    /** The committed attempt of a DONE task. */
    readonly winner?: AttemptId;
    /** The attempt of a CANCELLED task that the cancel ended. */
    readonly owner?: AttemptId;
  };
  /** Item ranges (numbers within the task) to run again. */
  readonly items: string;
  /** Items whose outcomes come from `base`. */
  readonly carried: number;
  /** Null: every item is run again. */
  readonly base: RedoBase | null;
  /** What elements must have asked for; null: as the job file says. */
  readonly needs: TaskNeeds | null;
  /** Item ranges thought to kill attempts, from the generation before. */
  readonly suspects?: string;
}

/** `redoPlanKey(job, generation of the job, plan)`: the whole retry. */
export interface RedoPlan {
  readonly schema: typeof MANIFEST_SCHEMAS.redoPlan;
  readonly job: JobId;
  /** The generation of the job that it opens. */
  readonly generation: number;
  /** Its name. */
  readonly plan: string;
  readonly tasks: readonly RedoTask[];
}

/** `redoKey(job, generation of the task, task)`: what an attempt of that generation starts with. */
export interface RedoRecord {
  readonly schema: typeof MANIFEST_SCHEMAS.redo;
  readonly job: JobId;
  readonly task: TaskId;
  readonly generation: number;
  readonly items: string;
  readonly base: RedoBase | null;
  /** The task before, and which `retry` of the job opened it, 1 for the first; absent where a corrupt result opened it. */
  readonly opened?: { readonly seen: RedoTask['seen']; readonly retry: number };
}

/** What is wrong with a record, as text, or its item ranges with its base. */
export function readRedoRecord(
  bytes: Uint8Array,
  expected: { readonly job: JobId; readonly task: TaskId; readonly generation: number },
): { readonly items: readonly ItemRange[]; readonly base: RedoBase | null } | string {
  let record: RedoRecord;
  try {
    record = JSON.parse(new TextDecoder().decode(bytes)) as RedoRecord;
  } catch {
    return 'it is not JSON';
  }
  if (record?.schema !== MANIFEST_SCHEMAS.redo) return `its schema is ${JSON.stringify(record?.schema)}`;
  for (const field of ['job', 'task', 'generation'] as const)
    if (record[field] !== expected[field])
      return `its ${field} is ${JSON.stringify(record[field])}, expected ${expected[field]}`;
  const items = typeof record.items === 'string' ? parseRanges(record.items) : null;
  if (items === null) return `its items are ${JSON.stringify(record.items)}`;
  return { items, base: record.base };
}

/** The ranges of both. */
export const unionOf = (ranges: readonly string[]): readonly ItemRange[] =>
  ranges.length === 0 ? [] : (parseRanges(ranges.join(',')) ?? []);

/** The part of `ranges` that lies in `within`; both ascending without overlaps. */
export function intersectionOf(ranges: readonly ItemRange[], within: readonly ItemRange[]): readonly ItemRange[] {
  const found: ItemRange[] = [];
  let at = 0;
  for (const { from, to } of ranges) {
    while (at < within.length && (within[at] as ItemRange).to < from) at += 1;
    for (let next = at; next < within.length && (within[next] as ItemRange).from <= to; next += 1) {
      const other = within[next] as ItemRange;
      found.push({ from: Math.max(from, other.from), to: Math.min(to, other.to) });
    }
  }
  return found;
}

/** Is the item left alone by a retry of these ranges? */
export const isCarried = (items: readonly ItemRange[], item: number): boolean => !includes(items, item);
