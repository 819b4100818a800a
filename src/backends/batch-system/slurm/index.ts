/**
 * The batch system of a Slurm cluster, through its own commands: sbatch, squeue, sacct, scontrol, scancel, sinfo. It keeps no state but, for
 * seconds, what the site's limits are.
 * One squeue answers for all submissions, one sacct at most for what the controller has forgotten. It never concludes from silence:
 * an element nobody knows is `unknown`, a submission whose answer was lost is BATCH_UNCERTAIN.
 * Failure codes: BATCH_NOT_INSTALLED, BATCH_UNREACHABLE, BATCH_LIMIT, BATCH_REFUSED, BATCH_UNCERTAIN, BATCH_BAD_ANSWER.
 */
import { isAppError } from '../../../errors/app-error.ts';
import type { BatchHandle, BatchSystem, ElementState } from '../../../ports/batch-system.ts';
import type { Clock } from '../../../ports/clock.ts';
import { runCommand, type RunCommand } from '../../shared/run-command.ts';
import { renderScript } from '../shared/render-script.ts';
import { cancelJob, drainJob, holdJob, releaseJob, throttleJob } from './control.ts';
import { elementStates, needsAccounting } from './element-states.ts';
import { readLimits, readVersion } from './limits.ts';
import { askAccounting, askQueue, askWholeQueue, byCluster, tryAccounting, type JobSelection } from './query.ts';
import { queuedSubmissions } from './queued.ts';
import { createRecentAnswers } from './recent-answers.ts';
import { sbatchArgv } from './sbatch-argv.ts';
import { createSlurmCommands, type SlurmCommands } from './slurm-commands.ts';
import type { Environment } from './slurm-environment.ts';
import { submitToSlurm } from './submit.ts';

/** How far back accounting is asked for a submission by name. */
const REMEMBERED_MS = 60 * 86_400_000;

export interface SlurmOptions {
  /** Environment of the submitting user; Slurm's commands and, through them, the elements inherit it. */
  readonly env: Environment;
  readonly clock: Clock;
  /** Text of templates/sbatch/worker.sh. */
  readonly template: string;
  readonly run?: RunCommand;
  /** Numeric id of the user; default the user of this process. */
  readonly uid?: number;
}

export function createSlurmBatchSystem(options: SlurmOptions): BatchSystem {
  const { env, clock, template, run = runCommand } = options;
  const ownUid = options.uid ?? process.getuid?.() ?? -1;
  const commands = createSlurmCommands({ run, env, clock });
  const site = createRecentAnswers(commands, clock);
  const render: BatchSystem['render'] = (request) => ({
    argv: sbatchArgv(request),
    script: renderScript(template, request),
  });
  return {
    kind: 'slurm',
    ping: () => pingSlurm(commands, site),
    limits: (request) => readLimits(site, request),
    render,
    async submit(request) {
      try {
        return await submitToSlurm({ run, env, commands }, request, render(request));
      } catch (error) {
        // What was refused may have been allowed by limits that hold no longer.
        site.forget();
        throw error;
      }
    },
    find: (names) => findByName(commands, names, ownUid),
    async states(handles) {
      const all: ElementState[] = [];
      for (const [cluster, group] of byCluster(handles)) {
        const select = selector('jobs', cluster, ownUid);
        const queue = await askQueue(commands, select(group.map(({ id }) => id)));
        const open = needsAccounting(group, queue);
        const ageMs = clock.nowMs() - Math.min(...open.map(({ sinceMs }) => sinceMs));
        const accounting =
          open.length === 0 ? [] : await tryAccounting(commands, select(open.map(({ id }) => id)), ageMs);
        all.push(...elementStates(group, queue, accounting, ownUid));
      }
      return all;
    },
    queued: async () => queuedSubmissions(await askWholeQueue(commands, ownUid)),
    cancel: (handle, indices) => cancelJob(commands, handle, indices, ownUid),
    hold: (handle) => holdJob(commands, handle),
    release: (handle) => releaseJob(commands, handle),
    drain: (handle) => drainJob(commands, handle),
    setThrottle: (handle, most) => throttleJob(commands, handle, most),
  };
}

const selector =
  (by: JobSelection['by'], cluster: string | undefined, ownUid: number) =>
  (values: readonly string[]): JobSelection => ({ by, values, ownUid, ...(cluster === undefined ? {} : { cluster }) });

/** The version is in what a submit asks for next. */
async function pingSlurm(commands: SlurmCommands, site: Pick<SlurmCommands, 'ask'>): ReturnType<BatchSystem['ping']> {
  try {
    const { up, said } = await commands.ping();
    if (!up) return { ok: false, detail: said };
    const version = await readVersion(site);
    return { ok: true, detail: said, ...(version === undefined ? {} : { version }) };
  } catch (error) {
    if (isAppError(error)) return { ok: false, detail: error.message };
    throw error;
  }
}

async function findByName(
  commands: SlurmCommands,
  names: readonly string[],
  ownUid: number,
): Promise<ReadonlyMap<string, BatchHandle>> {
  const found = new Map<string, BatchHandle>();
  const wanted = new Set(names);
  const note = (rows: readonly { readonly id: string; readonly name: string }[]) => {
    for (const { id, name } of rows) if (wanted.has(name) && !found.has(name)) found.set(name, { id });
  };
  if (wanted.size === 0) return found;
  const select = selector('name', undefined, ownUid);
  note(await askQueue(commands, select([...wanted])));
  const missing = [...wanted].filter((name) => !found.has(name));
  if (missing.length > 0) note((await askAccounting(commands, select(missing), REMEMBERED_MS)) ?? []);
  return found;
}
