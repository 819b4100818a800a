import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSqliteResultFiles } from '../../src/backends/result-file/index.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { doneKey } from '../../src/domain/keys.ts';
import type { DoneManifest } from '../../src/domain/manifest.ts';
import type { ItemOutcome } from '../../src/domain/outcome.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { WorkerDeps } from '../../src/worker/needs.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { JOB, readTask, specOf, storeJob, workerDeps, type JobOptions } from '../support/worker-job.ts';

/** What a test wants other than the defaults of `specOf`; the handler is always the module. */
export type FixtureSpec = Omit<Partial<JobSpec>, 'handler'> & {
  readonly handler?: { readonly concurrency?: number; readonly timeoutMs?: number };
};

/** A stored job on the fs drivers, and how to look at what became of it. */
export interface WorkerFixture {
  readonly path: string;
  readonly deps: WorkerDeps;
  /** Stores the job; `code` is the handler module's text. */
  store(code: string, options: JobOptions, spec?: FixtureSpec): Promise<unknown>;
  task(number: number): Promise<TaskItem>;
  /** Rows of the winner's result file, after its digest was checked. */
  outcomes(number: number): Promise<ItemOutcome[]>;
  done(number: number): Promise<DoneManifest>;
  /** Lines that handlers have appended with the code of `noting`. */
  notes(): string[];
  close(): void;
}

/** Handler code that appends `expression` as a line to the fixture's notes: a record of calls that survives everything. */
export const noting = (expression: string): string =>
  `(await import('node:fs')).appendFileSync(new URL('./notes', import.meta.url), String(${expression}) + '\\n');`;

export async function openWorkerFixture(more: Partial<WorkerDeps> = {}): Promise<WorkerFixture> {
  const dir = makeTempDir('worker');
  const deps = await workerDeps(dir.path, more);
  const done = async (number: number): Promise<DoneManifest> => {
    const { win } = await readTask(deps.state, number);
    if (win === undefined) throw new Error(`task ${number} has no winner`);
    const bytes = await deps.store.get(doneKey(JOB, taskIdOf(number), win.attempt), { sha256: win.sha256 });
    return JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())) as DoneManifest;
  };
  return {
    path: dir.path,
    deps,
    async store(code, options, spec) {
      const path = join(dir.path, `handler-${createHash('sha256').update(code).digest('hex').slice(0, 12)}.mjs`);
      writeFileSync(path, code);
      const { handler, ...rest } = spec ?? {};
      const made = specOf(path, rest);
      return storeJob(deps, { ...made, handler: { ...made.handler, ...handler } }, options);
    },
    task: (number) => readTask(deps.state, number),
    async outcomes(number) {
      const { results } = (await done(number)).files;
      const path = join(dir.path, `read-${number}.sqlite`);
      await deps.store.getFile(results.key, path, { sha256: results.sha256 });
      const sealed = (await createSqliteResultFiles()).openSealed(path);
      const rows = [...sealed.byIndex()];
      sealed.close();
      return rows;
    },
    done,
    notes: () => {
      const path = join(dir.path, 'notes');
      return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
    },
    close: dir.remove,
  };
}

/** Lines `{"n":0}` … of `count` items from `first` on. */
export const numbered = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `{"n":${first + at}}`);
