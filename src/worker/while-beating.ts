import type { ElementContext } from './needs.ts';
import type { Progress } from './outcome-buffer.ts';
import { heartbeat, type ClaimedTask } from './task-writes.ts';

/** Fixed: reconcile counts a silent owner in these (coordinator/judge-running). */
export const HEARTBEAT_MS = 30_000;

export interface Beaten<T> {
  readonly result: T;
  /** A heartbeat showed that the attempt no longer owns the task. */
  readonly lost: boolean;
}

/**
 * Work of an attempt that may take long and moves nothing on the task item meanwhile, such as reading a batch or writing a part: who is silent is
 * given up. The first heartbeat comes after 30 s; one that fails is not worth more than a word, because the next one comes anyway.
 */
export async function whileBeating<T>(
  context: ElementContext,
  { task, key }: ClaimedTask,
  progress: () => Progress,
  work: () => Promise<T>,
): Promise<Beaten<T>> {
  const { clock, log } = context.deps;
  let lost = false;
  const beat = async (): Promise<void> => {
    try {
      if (!(await heartbeat(context, key, progress()))) lost = true;
    } catch (error) {
      log.warn('heartbeat failed, going on', { task, error: String(error) });
    }
  };
  const cancel = clock.every(HEARTBEAT_MS, () => void beat());
  try {
    const result = await work();
    return { result, lost };
  } finally {
    cancel();
  }
}
