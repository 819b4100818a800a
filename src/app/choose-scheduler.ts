import type { BackendUrls } from '../domain/job-spec.ts';
import type { Drivers } from './job-backends.ts';

export interface SchedulerChoice {
  readonly scheduler: BackendUrls['scheduler'];
  /** Why, in plain words; said aloud by `submit` and `plan`. */
  readonly from: string;
}

/** Slurm when a controller answers, else the local scheduler; a setting decides without asking. */
export async function chooseScheduler(
  drivers: Drivers,
  setting: { readonly value: 'auto' | 'slurm' | 'local'; readonly from: string },
): Promise<SchedulerChoice> {
  if (setting.value !== 'auto') return { scheduler: setting.value, from: setting.from };
  const answer = await (await drivers.batch('slurm')).ping();
  return answer.ok
    ? { scheduler: 'slurm', from: `a Slurm controller answers (${answer.detail})` }
    : { scheduler: 'local', from: `no Slurm controller answers (${answer.detail})` };
}
