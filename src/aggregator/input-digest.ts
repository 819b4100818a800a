import { canonicalJson } from '../domain/canonical-json.ts';
import type { FinalTask } from './final-tasks.ts';
import type { LoadedJob } from './load-job.ts';
import { sha256Of } from './read-stored.ts';

/** Raised when the same winners would be merged into something else. */
const OUTPUT_FORMAT = 1;

/** What the output is a function of: the job, the winners' hashes, and for a task given up all that its rows are made of. */
export function inputDigest({ manifest, generation }: LoadedJob, tasks: readonly FinalTask[]): string {
  const lines = [
    canonicalJson({ format: OUTPUT_FORMAT, generation, specHash: manifest.specHash, input: manifest.inputDigest }),
  ];
  for (const { task, item, win } of tasks) {
    const { state, attempts, cause, causeDetail, checkpoint, redo } = item;
    // What a retry left alone belongs to the rows of a task that it could not finish.
    const left = redo === true ? { redo: item.generation } : {};
    lines.push(
      win === null
        ? canonicalJson({ task, state, attempts, cause, causeDetail, checkpoint, ...left })
        : `${task} ${win.sha256}`,
    );
  }
  return sha256Of(lines.join('\n'));
}
