import type { CoordinatorDeps, NewJob } from '../coordinator/needs.ts';
import { newJobId } from '../coordinator/create-job.ts';
import { splitInput } from '../coordinator/split/split-input.ts';
import { createDiscardingStore } from './discarding-store.ts';

/** Most mistakes show in the first records, and reading these twice costs milliseconds. */
const REHEARSED_BYTES = 4 * 1024 ** 2;
/** Walking a large tree twice costs more than it can save. */
const REHEARSAL_MS = 2_000;

/**
 * Reads the beginning of the input through the real code before anything is written, so that most bad inputs leave no trace at all. What a
 * later record has wrong is found by the split itself, and what it wrote is removed. A command is not run twice.
 * @throws INPUT_*
 */
export async function rehearseInput(deps: CoordinatorDeps, { spec }: NewJob, signal?: AbortSignal): Promise<void> {
  if (spec.input.kind === 'command') return;
  const enough = new Error('enough');
  const late = new AbortController();
  const stop = deps.clock.after(REHEARSAL_MS, () => late.abort(enough));
  try {
    await splitInput(
      { ...deps, store: createDiscardingStore() },
      {
        job: newJobId(deps, spec.name),
        spec,
        onProgress: ({ bytes }) => {
          if (bytes > REHEARSED_BYTES) throw enough;
        },
        signal: signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]),
      },
    );
  } catch (error) {
    if (error !== enough) throw error;
  } finally {
    stop();
  }
}
