/** Checks every change of the object store: nothing that somebody relies on is deleted or replaced, and a pointer names what is there. */
import type { AttemptId, JobId, TaskId } from '../../../src/domain/ids.ts';
import { attemptLogKey, finalKey } from '../../../src/domain/keys.ts';
import { taskKey } from '../../../src/domain/state-keys.ts';
import type { FinalPointer, PublicationManifest } from '../../../src/domain/manifest.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import { sha256, type StoreEvent } from '../ports/object-store.ts';
import type { SimProcess } from '../core/processes.ts';
import type { Watched } from './report.ts';

const OUTPUT_FILE = /^jobs\/([^/]+)\/output\/([^/]+)\//;
const MANIFEST_FILE = /^jobs\/([^/]+)\/output\/[^/]+\/_manifest\.json$/;
const REDO_FILE = /^jobs\/([^/]+)\/redo\/(\d+)\/(\d+)\.json$/;
const ATTEMPT_FILE = /^jobs\/([^/]+)\/attempts\/(\d+)\/([^/]+)\/(.+)$/;

/** Tasks as the publisher read them, by the key of the manifest of its publication. */
export type PublishedTasks = Map<string, ReadonlyMap<string, TaskItem>>;

export function createStoreWatch(
  { state, store, violate }: Watched,
  wasSubmitted: (job: string) => boolean,
  published: PublishedTasks,
): (event: StoreEvent) => void {
  /** Belongs to what readers of this job's output see. */
  const isPublished = (key: string): boolean => {
    const [, job, publication] = OUTPUT_FILE.exec(key) ?? [];
    const pointer = job === undefined ? null : store.peek(finalKey(job as JobId));
    if (pointer === null) return false;
    return (JSON.parse(Buffer.from(pointer).toString()) as FinalPointer).publication === publication;
  };
  /** What an open task of a retry starts with. */
  const isOfRedo = (key: string): boolean => {
    const [, job, generation, task] = REDO_FILE.exec(key) ?? [];
    if (job === undefined) return false;
    const item = state.peek(taskKey(job as JobId, task as TaskId, 1)) as unknown as TaskItem | null;
    return item?.generation === Number(generation);
  };
  const isNeeded = (key: string): string | null => {
    if (isPublished(key)) return 'it is part of the published output';
    if (isOfRedo(key)) return 'the task was opened with it';
    const match = ATTEMPT_FILE.exec(key);
    if (match === null) return null;
    const [, job, task, attempt, file] = match as unknown as [string, string, string, string, string];
    // Parts of a log may go, once they are in the whole one.
    if (file.startsWith('log/')) {
      const whole = attemptLogKey(job as JobId, task as TaskId, attempt as AttemptId);
      return store.peek(whole) === null ? `the log of attempt ${attempt} is not stored whole` : null;
    }
    const item = state.peek(taskKey(job as JobId, task as TaskId, 1)) as unknown as TaskItem | null;
    if (item?.win?.attempt === attempt && !file.startsWith('seg/')) return `it belongs to the winner of task ${task}`;
    const pointer = item?.checkpoint;
    if (pointer?.attempt === attempt && file.startsWith('seg/') && Number(file.slice(4, 10)) <= pointer.seq)
      return `the checkpoint of task ${task} names it`;
    return null;
  };
  const checkPointer = (key: string): string | null => {
    const read = <T>(from: string): T | null => {
      const bytes = store.peek(from);
      return bytes === null ? null : (JSON.parse(Buffer.from(bytes).toString()) as T);
    };
    const pointer = read<FinalPointer>(key) as FinalPointer;
    const manifestBytes = store.peek(pointer.manifest.key);
    if (manifestBytes === null) return `${pointer.manifest.key} does not exist`;
    if (sha256(manifestBytes) !== pointer.manifest.sha256) return `${pointer.manifest.key} has other bytes`;
    const { files } = read<PublicationManifest>(pointer.manifest.key) as PublicationManifest;
    for (const file of [files.results, files.errors]) {
      const bytes = store.peek(file.key);
      if (bytes === null) return `${file.key} does not exist`;
      if (sha256(bytes) !== file.sha256) return `${file.key} has other bytes`;
    }
    return null;
  };
  return ({ process, kind, key, before, repairs }) => {
    if (kind === 'delete') {
      const job = /^jobs\/([^/]+)\//.exec(key)?.[1] ?? '';
      const need = isNeeded(key);
      if (need !== null) violate('deletion', `${process.name} deletes ${key}: ${need}`);
      else if (!/\/(?:seg|log)\//.test(key) && wasSubmitted(job))
        violate('deletion', `${process.name} deletes ${key} of a job that was submitted`);
      return;
    }
    const now = store.peek(key) as Uint8Array;
    const isChanged = before !== null && !Buffer.from(before).equals(now);
    if (isChanged && !repairs && isNeeded(key) !== null)
      violate('deletion', `${process.name} replaces ${key} by other bytes: ${isNeeded(key)}`);
    const [, job] = MANIFEST_FILE.exec(key) ?? [];
    if (job !== undefined && !published.has(key)) published.set(key, tasksSeen(process, job));
    if (!key.endsWith('/final.json')) return;
    const flaw = checkPointer(key);
    if (flaw !== null) violate('pointer', `${process.name} moves the pointer, but ${flaw}`);
  };
}

function tasksSeen(process: SimProcess, job: string): ReadonlyMap<string, TaskItem> {
  const tasks = new Map<string, TaskItem>();
  for (const [id, item] of process.seen)
    if (item !== null && id.startsWith(`J#${job}#T#`))
      tasks.set(id.slice(id.lastIndexOf('/') + 1), item as unknown as TaskItem);
  return tasks;
}
