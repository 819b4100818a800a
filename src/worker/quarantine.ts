import { numbersIn, parseRanges } from '../domain/item-ranges.ts';
import type { JobId } from '../domain/ids.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import type { TaskBatch } from '../domain/task-batch.ts';
import type { TaskItem } from '../domain/task-item.ts';

export interface QuarantineRequest {
  readonly job: JobId;
  readonly task: Pick<TaskItem, 'quarantined'>;
  readonly batch: TaskBatch;
  readonly isFinished: (item: number) => boolean;
}

/** Failed outcomes of the items that are not run any more, because each of them killed its worker when it ran alone. */
export function quarantinedOutcomes({ job, task, batch, isFinished }: QuarantineRequest): ItemOutcome[] {
  const { quarantined } = task;
  if (quarantined === undefined) return [];
  const { items, cause, detail } = quarantined;
  const errorMessage =
    `it ended the worker again and again, also when it ran alone (${cause}: ${detail}); ` +
    `it is not run any more. To run it again, name it: slurmctl retry ${job} --items FILE`;
  return [...numbersIn(parseRanges(items) ?? [])]
    .filter((number) => number < batch.items && !isFinished(number))
    .map((number) => {
      const { itemId, itemIndex } = batch.item(number);
      return {
        itemId,
        itemIndex,
        status: 'failed',
        attempts: 0,
        durationMs: 0,
        errorClass: 'quarantined',
        errorMessage,
        cause,
        output: null,
      };
    });
}
