/** What a commit promises: the named attempt is complete, and its bytes are the ones that were hashed. */
import type { JobId, TaskId } from '../../../src/domain/ids.ts';
import { doneKey, taskManifestKey } from '../../../src/domain/keys.ts';
import type { DoneManifest, TaskManifest } from '../../../src/domain/manifest.ts';
import type { TaskItem, Win } from '../../../src/domain/task-item.ts';
import { decodeRows } from '../ports/disk.ts';
import { sha256, type SimObjectStore } from '../ports/object-store.ts';

/** What is wrong with a winner, or null. */
export function findWinnerFlaw(store: SimObjectStore, job: string, task: string, item: TaskItem): string | null {
  const win = item.win as Win;
  const done = store.peek(doneKey(job as JobId, task as TaskId, win.attempt));
  if (done === null) return 'its done.json does not exist';
  if (sha256(done) !== win.sha256) return 'its done.json has another sha-256 than the commit says';
  const manifest = JSON.parse(Buffer.from(done).toString()) as DoneManifest;
  if (manifest.attempt !== win.attempt) return `its done.json is of attempt ${manifest.attempt}`;
  if (manifest.generation !== item.generation)
    return `it is of generation ${manifest.generation}, the task of ${item.generation}`;
  const counts = [manifest.rows, manifest.succeeded, manifest.failed].join();
  if (counts !== [win.rows, win.succeeded, win.failed].join()) return 'its counts differ from the commit';
  const taskManifest = store.peek(taskManifestKey(job as JobId, task as TaskId));
  if (taskManifest === null) return 'its task manifest does not exist';
  const { firstItem, items } = JSON.parse(Buffer.from(taskManifest).toString()) as TaskManifest;
  for (const file of [manifest.files.results, manifest.files.part]) {
    const bytes = store.peek(file.key);
    if (bytes === null) return `${file.key} does not exist`;
    if (sha256(bytes) !== file.sha256) return `${file.key} has other bytes than done.json says`;
    const indices = (decodeRows(bytes) ?? []).map(({ itemIndex }) => itemIndex);
    const expected = Array.from({ length: items }, (_, at) => firstItem + at);
    if (indices.join() !== expected.join())
      return `${file.key} has the items ${indices.join()}, expected ${expected.join()}`;
  }
  return null;
}
