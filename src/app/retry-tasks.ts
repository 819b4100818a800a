/** From what was selected to tasks that can be opened again: where the outcomes of the other items come from, and what the task asks for. */
import type { AggregatorDeps } from '../aggregator/deps.ts';
import type { LoadedJob } from '../aggregator/load-job.ts';
import { outcomesOfLost, readLostTask } from '../aggregator/lost-task.ts';
import { asAttemptId } from '../domain/ids.ts';
import { countIn, coverRanges, formatRanges, type ItemRange } from '../domain/item-ranges.ts';
import { redoBaseKey } from '../domain/keys.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { intersectionOf, isCarried, unionOf, type RedoBase, type RedoTask } from '../domain/redo.ts';
import { encodeSegment } from '../domain/segment.ts';
import type { TaskItem, TaskNeeds } from '../domain/task-item.ts';
import type { ChosenTask } from './retry-selection.ts';

export interface Preparation {
  readonly deps: AggregatorDeps;
  readonly job: LoadedJob;
  /** Name of the retry's plan. */
  readonly plan: string;
  /** What `--memory` and `--time` ask for. */
  readonly needs: TaskNeeds;
  readonly assertHeld: () => void;
}

/** Tasks without a committed result whose saved outcomes are stored anew, at once. */
const IN_FLIGHT = 4;

/** @throws LEASE_LOST, STORE_*, MANIFEST_CORRUPT */
export async function prepareTasks(preparation: Preparation, chosen: readonly ChosenTask[]): Promise<RedoTask[]> {
  const tasks: RedoTask[] = [];
  for (let at = 0; at < chosen.length; at += IN_FLIGHT) {
    preparation.assertHeld();
    tasks.push(...(await Promise.all(chosen.slice(at, at + IN_FLIGHT).map((one) => prepareTask(preparation, one)))));
  }
  return tasks;
}

async function prepareTask(preparation: Preparation, { task, items }: ChosenTask): Promise<RedoTask> {
  const { item, win } = task;
  const carried = item.items - countIn(items);
  const needs = needsOf(item, preparation.needs);
  const suspects = suspectsOf(item, items);
  return {
    task: task.task,
    seen: {
      state: item.state,
      generation: item.generation,
      attempts: item.attempts,
      ...(win === null ? {} : { winner: win.attempt }),
      ...(item.state === 'CANCELLED' && item.owner !== undefined ? { owner: item.owner } : {}),
    },
    items: formatRanges(items),
    carried,
    base: carried === 0 ? null : await baseOf(preparation, { task, items }),
    needs,
    ...(suspects === null ? {} : { suspects }),
  };
}

/** What an escalation had come to stays, unless it is said otherwise. */
function needsOf({ needs }: TaskItem, wanted: TaskNeeds): TaskNeeds | null {
  const both = { ...needs, ...wanted };
  return Object.keys(both).length === 0 ? null : both;
}

/** As `TaskItem.suspects` is bounded. */
const SUSPECTS_CHARS = 300;

/** Whoever runs items that have killed attempts runs them last and in small groups again. */
function suspectsOf({ suspects, quarantined }: TaskItem, items: readonly ItemRange[]): string | null {
  const known = [suspects, quarantined?.items].filter((text) => text !== undefined);
  const left = intersectionOf(unionOf(known), items);
  return left.length === 0 ? null : coverRanges(left, SUSPECTS_CHARS);
}

async function baseOf(preparation: Preparation, chosen: ChosenTask): Promise<RedoBase> {
  const { win } = chosen.task;
  if (win !== null) return { kind: 'winner', attempt: win.attempt, sha256: win.sha256 };
  return storeBase(preparation, chosen);
}

/** Of outcomes in one object, so that it is far below the longest string there can be. */
const SEGMENT_CHARS = 8 * 1024 ** 2;
/** Segments name an attempt; these have none. */
const NOBODY = asAttemptId('retry_0.0');

/** The outcomes of a task without a winner, as its output has them: what was saved, and the failure of what was not. */
async function storeBase({ deps, job, plan }: Preparation, { task, items }: ChosenTask): Promise<RedoBase> {
  const lost = await readLostTask(deps, job, task);
  const { firstItem, batch } = lost.manifest;
  const generation = task.item.generation + 1;
  const kept = (await outcomesOfLost(deps, job, lost)).filter(({ itemIndex }) =>
    isCarried(items, itemIndex - firstItem),
  );
  let segments = 0;
  for (const part of partsOf(kept)) {
    segments += 1;
    const header = {
      task: task.task,
      attempt: NOBODY,
      seq: segments,
      generation,
      batchSha256: batch.sha256,
      ...(lost.observed.length === 0 ? {} : { observed: lost.observed }),
    };
    await deps.store.put(
      redoBaseKey(job.job, task.task, { generation, name: plan }, segments),
      encodeSegment(header, part),
    );
  }
  return { kind: 'segments', generation, name: plan, segments };
}

function* partsOf(outcomes: readonly ItemOutcome[]): Generator<readonly ItemOutcome[]> {
  let part: ItemOutcome[] = [];
  let chars = 0;
  for (const outcome of outcomes) {
    part.push(outcome);
    chars += (outcome.output?.length ?? 0) + (outcome.errorMessage?.length ?? 0);
    if (chars < SEGMENT_CHARS) continue;
    yield part;
    part = [];
    chars = 0;
  }
  if (part.length > 0) yield part;
}
