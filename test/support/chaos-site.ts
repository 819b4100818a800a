/** A running chaos job and the means to look at it and to hurt it. */
import { join } from 'node:path';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import { createSystemClock } from '../../src/backends/clock.ts';
import { createSystemIds } from '../../src/backends/random.ts';
import type { AttemptRecord } from '../../src/domain/history.ts';
import { taskIdOf, type JobId, type TaskId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { HISTORY_PREFIX, jobPartition, metaKey, shardCount, taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import type { ChaosPlan } from './chaos-plan.ts';
import { processesOf, type ChaosProcess } from './chaos-processes.ts';
import type { ChaosProject } from './chaos-project.ts';
import type { Victim } from './chaos-record.ts';
import type { SlurmCluster } from './slurm-cluster.ts';

export interface ChaosSite {
  /** Value of the mark that all processes of this run carry. */
  readonly run: string;
  readonly plan: ChaosPlan;
  readonly cluster: SlurmCluster;
  readonly project: ChaosProject;
  readonly state: StateTable;
  readonly job: JobId;
  meta(): Promise<JobMeta>;
  task(id: TaskId): Promise<TaskItem>;
  history(): Promise<(AttemptRecord & { readonly key: string; readonly task: string })[]>;
  workers(): ChaosProcess[];
  /** This attempt as a victim, with the task it owns at this moment. */
  victim(attempt: string): Promise<Victim>;
}

export const openChaosState = (directory: string): StateTable => {
  const clock = createSystemClock();
  return createFsStateTable({ root: join(directory, '.slurmctl/state'), ids: createSystemIds(clock), clock });
};

export function openChaosSite(
  parts: Pick<ChaosSite, 'run' | 'plan' | 'cluster' | 'project' | 'state' | 'job'>,
): ChaosSite {
  const { run, plan, project, state, job } = parts;
  const shards = shardCount(plan.tasks);
  const itemsPerTask = Math.ceil(plan.items / plan.tasks);
  const task = async (id: TaskId) => (await state.get(taskKey(job, id, shards))) as unknown as TaskItem;
  return {
    ...parts,
    task,
    meta: async () => (await state.get(metaKey(job))) as unknown as JobMeta,
    async history() {
      const records: (AttemptRecord & { key: string; task: string })[] = [];
      for await (const { sort, item } of state.query(jobPartition(job), HISTORY_PREFIX))
        records.push({ ...(item as unknown as AttemptRecord), key: sort, task: sort.split('#')[1] ?? '' });
      return records;
    },
    workers: () => processesOf(run).filter(({ isWorker, attempt }) => isWorker && attempt !== null),
    async victim(attempt) {
      const unknown = { attempt, noticedMs: null, slurmMs: null, fate: 'unknown', cause: null, detail: '' } as const;
      const item = project.lastItemOf(attempt);
      if (item === null) return { ...unknown, task: null };
      const id = taskIdOf(Math.floor(item / itemsPerTask));
      const { state: taskState, owner } = await task(id);
      return { ...unknown, task: taskState === 'RUNNING' && owner === attempt ? id : null };
    },
  };
}
