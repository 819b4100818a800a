import { BUILTIN_RULES } from '../domain/builtin-rules.ts';
import { sizeFor, type ElementSize } from '../domain/element-size.ts';
import { DETAIL_CHARS, type AttemptRecord } from '../domain/history.ts';
import { elementOf } from '../domain/ids.ts';
import { matchRule } from '../domain/match-rule.ts';
import { historyKey } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { StateItem } from '../ports/state-table.ts';
import type { ElementContext } from './needs.ts';
import { patiently } from './patience.ts';
import type { LeftBehind } from './task-writes.ts';

/**
 * The record of an attempt whose task its restarted element is about to take over, so that `explain` knows of every attempt that was begun. A record
 * that is there already stays: it is the same one, or that of a pass that has decided about the attempt. Written with an update, which is all that
 * a worker may do to a table.
 */
export async function recordTakenOver(
  context: ElementContext,
  { task, item }: LeftBehind,
  resources: ElementSize,
): Promise<void> {
  const { deps, input } = context;
  const key = historyKey(input.assignment.job, task, item.attempts);
  const record = recordOf(item, resources, deps.clock.nowMs());
  await patiently(context, () => deps.state.write(key, { set: record as unknown as StateItem }, { op: 'item-absent' }));
}

function recordOf(item: TaskItem & LeftBehind['item'], resources: ElementSize, nowMs: number): AttemptRecord {
  const { owner, node, startedMs, trying, suspects } = item;
  const meanwhile = trying === undefined ? '' : ` while the suspected items ${trying} of the task were run`;
  return {
    attempt: owner,
    generation: item.generation,
    ...(node === undefined ? {} : { node }),
    ...(startedMs === undefined ? {} : { startedMs }),
    endedMs: nowMs,
    cause: 'requeued',
    detail: `the batch system started element ${elementOf(owner)} again${meanwhile}`.slice(0, DETAIL_CHARS),
    savedItems: item.checkpoint?.items ?? 0,
    decision: 'retry',
    rule: matchRule(BUILTIN_RULES, { cause: 'requeued' }).name,
    why: 'its element, once started again, went on with it (the infrastructure is to blame, so it costs no attempt)',
    charged: false,
    ...sizeFor(resources, item.needs),
    ...(suspects === undefined ? {} : { suspects }),
  };
}
