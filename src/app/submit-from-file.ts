import { submitJob } from '../coordinator/submit-job.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import { readSubmissions } from '../coordinator/submissions.ts';
import type { Problem } from '../errors/app-error.ts';
import { agreeOnShared } from './agree-on-shared.ts';
import type { OnProgress } from './api.ts';
import type { SchedulerChoice } from './choose-scheduler.ts';
import type { SubmitDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import type { ReadJob } from './read-job.ts';
import { rehearseInput } from './rehearse-input.ts';
import { requireServices } from './require-services.ts';

export interface Prepared {
  readonly choice: SchedulerChoice;
  readonly wanted: ReadJob;
  readonly deps: CoordinatorDeps;
}

/** Submits what was read from a job file and reports what went where. */
export async function submitFromFile(
  drivers: Drivers,
  { choice, wanted, deps }: Prepared,
  request: {
    readonly patienceMs: number;
    readonly onProgress?: OnProgress;
    readonly onJob?: (job: string) => void;
    readonly onWarning?: (warning: Problem) => void;
    readonly signal?: AbortSignal;
  },
): Promise<SubmitDocument> {
  for (const warning of wanted.warnings) request.onWarning?.(warning);
  // Elements of the local scheduler run here, with this environment; those of Slurm find out on their nodes.
  if (choice.scheduler === 'local') (await drivers.scratch()).check();
  await requireServices(deps, wanted.backends);
  await rehearseInput(deps, wanted, request.signal);
  const shared = await agreeOnShared(deps, wanted.spec);
  const result = await submitJob(deps, wanted, {
    patienceMs: request.patienceMs,
    onItems: (done) => request.onProgress?.({ phase: 'splitting', done, total: null, unit: 'items' }),
    onWait: (note) => request.onProgress?.({ phase: 'submitting', done: 0, total: null, unit: 'elements', note }),
    ...(request.onJob === undefined ? {} : { onJob: request.onJob }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  const arrays = (await readSubmissions(drivers.state, result.job)).filter((row) => row.kind === 'array');
  return {
    schema: 'slurmctl.submit/1',
    jobId: result.job,
    name: wanted.spec.name,
    state: result.meta.state,
    scheduler: choice.scheduler,
    schedulerFrom: choice.from,
    items: result.meta.items,
    tasks: result.meta.tasks,
    elements: arrays.reduce((sum, row) => sum + row.elements, 0),
    submissions: arrays
      .filter((row) => row.handle !== undefined)
      .map((row) => ({ handle: row.handle as string, elements: row.elements })),
    waitingFor: result.meta.waitingFor ?? null,
    ...shared,
  };
}
