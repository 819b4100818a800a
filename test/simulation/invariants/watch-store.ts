/** Checks every change of the object store: nothing that somebody relies on is deleted or replaced, and a pointer names what is there. */
import type { JobId, TaskId } from '../../../src/domain/ids.ts';
import { taskKey } from '../../../src/domain/state-keys.ts';
import type { FinalPointer, PublicationManifest } from '../../../src/domain/manifest.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import { sha256, type StoreEvent } from '../ports/object-store.ts';
import type { Watched } from './report.ts';

const ATTEMPT_FILE = /^jobs\/([^/]+)\/attempts\/(\d+)\/([^/]+)\/(.+)$/;

/** Tasks that had a winner when the publisher of the current pointer read them, by job. */
export type PublishedWinners = Map<string, ReadonlyMap<string, TaskItem>>;

export function createStoreWatch(
  { state, store, violate }: Watched,
  wasSubmitted: (job: string) => boolean,
  published: PublishedWinners,
): (event: StoreEvent) => void {
  const isNeeded = (key: string): string | null => {
    const match = ATTEMPT_FILE.exec(key);
    if (match === null) return null;
    const [, job, task, attempt, file] = match as unknown as [string, string, string, string, string];
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
      else if (!key.includes('/seg/') && wasSubmitted(job))
        violate('deletion', `${process.name} deletes ${key} of a job that was submitted`);
      return;
    }
    const now = store.peek(key) as Uint8Array;
    const isChanged = before !== null && !Buffer.from(before).equals(now);
    if (isChanged && !repairs && isNeeded(key) !== null)
      violate('deletion', `${process.name} replaces ${key} by other bytes: ${isNeeded(key)}`);
    if (!key.endsWith('/final.json')) return;
    const job = key.split('/')[1] as string;
    const winners = new Map<string, TaskItem>();
    for (const [id, item] of process.seen)
      if (id.startsWith(`J#${job}#T#`) && item?.['win'] !== undefined)
        winners.set(id.slice(id.lastIndexOf('/') + 1), item as unknown as TaskItem);
    published.set(job, winners);
    const flaw = checkPointer(key);
    if (flaw !== null) violate('pointer', `${process.name} moves the pointer, but ${flaw}`);
  };
}
