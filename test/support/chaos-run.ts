/** One chaos run: a private Slurm, one job, faults by plan, and what came of it. */
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { taskIdOf, type JobId } from '../../src/domain/ids.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { startDriver } from './chaos-driver.ts';
import { createFaults } from './chaos-faults.ts';
import { drawChaos, NODES, type ChaosOptions, type ChaosPlan, type FaultKind } from './chaos-plan.ts';
import { CHAOS_MARK } from './chaos-processes.ts';
import { makeChaosProject, type RunCounts } from './chaos-project.ts';
import type { Injected } from './chaos-record.ts';
import { judgeOutput, judgeRest } from './chaos-rest.ts';
import { openChaosSite, openChaosState, type ChaosSite } from './chaos-site.ts';
import { findInSlurmLog } from './chaos-slurm-log.ts';
import { detectionTimes, judgeCauses, type Detection } from './chaos-verdict.ts';
import { watchVictims } from './chaos-watch.ts';
import { createCli } from './cli.ts';
import { startSlurmCluster, type SlurmCluster } from './slurm-cluster.ts';

export interface ChaosRequest extends ChaosOptions {
  /** Where slurmctl was compiled to. */
  readonly project: string;
  /** An empty directory for everything of this run. */
  readonly directory: string;
  /** How long the job may go on after the last fault. */
  readonly patienceMs: number;
  readonly onNews?: (line: string) => void;
  /** Rejects when the run shall end before its time. */
  readonly interrupted?: Promise<never>;
}

export interface ChaosReport {
  readonly job: string;
  readonly state: string;
  readonly plan: Pick<ChaosPlan, 'seed' | 'tasks' | 'items' | 'chaosMs' | 'itemMs' | 'poison'>;
  readonly wallMs: number;
  readonly violations: readonly string[];
  readonly injected: readonly Injected[];
  /** Faults that found nobody to hit. */
  readonly missed: number;
  readonly faults: Partial<Record<FaultKind, number>>;
  readonly records: number;
  readonly causes: Readonly<Record<string, number>>;
  readonly detection: Partial<Record<FaultKind, Detection>>;
  readonly runs: RunCounts;
  /** Items begun beyond the first time, without the failures on purpose, ÷ items; and of those that had come to an end. */
  readonly wasted: number;
  readonly wastedFinished: number;
  readonly passes: { readonly ended: number; readonly killed: number };
}

const ADVANCE_EVERY_MS = 1_500;

/** Runs it to its end. Everything that was started is stopped, whatever happens. */
export async function runChaos(request: ChaosRequest): Promise<ChaosReport> {
  const plan = drawChaos(request);
  const cluster = await startChaosCluster(plan);
  try {
    const whole = runOn(cluster, plan, request);
    return await (request.interrupted === undefined ? whole : Promise.race([whole, request.interrupted]));
  } finally {
    // What Slurm says of a run that went wrong is gone with its cluster.
    cpSync(join(cluster.dir, 'log'), join(request.directory, 'slurm-log'), { recursive: true });
    await cluster.stop();
  }
}

const startChaosCluster = (plan: ChaosPlan): Promise<SlurmCluster> =>
  startSlurmCluster({
    nodes: NODES.length,
    cpus: plan.cpusPerNode,
    partitions: [
      ...NODES.map(
        ({ name, partition, mode, graceSec }) =>
          `${partition} Nodes=${name} PriorityTier=1 PreemptMode=${mode} GraceTime=${graceSec}`,
      ),
      'high Nodes=ALL PriorityTier=10 PreemptMode=OFF',
    ],
    settings: { PreemptType: 'preempt/partition_prio', PreemptMode: 'REQUEUE', KillWait: 5 },
  });

async function runOn(cluster: SlurmCluster, plan: ChaosPlan, request: ChaosRequest): Promise<ChaosReport> {
  const { directory, onNews = () => undefined } = request;
  const run = randomBytes(8).toString('hex');
  const project = makeChaosProject(directory, plan);
  const env = { ...cluster.env, ...project.env, [CHAOS_MARK]: run };
  const cli = createCli(directory, env, request.project);
  const startedMs = performance.now();
  const { jobId } = await cli.json<{ jobId: string }>(['submit', 'job.yaml', '--scheduler', 'slurm']);
  const job = jobId as JobId;
  const site = openChaosSite({ run, plan, cluster, project, state: openChaosState(directory), job });
  const driver = startDriver({
    project: request.project,
    cwd: directory,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    job,
    everyMs: ADVANCE_EVERY_MS,
  });
  const watch = watchVictims(site);
  const injected: Injected[] = [];
  let missed = 0;
  const violations: string[] = [];
  try {
    const faults = createFaults(site, driver, (one) => {
      injected.push(one);
      watch.add(one);
      onNews(`${((performance.now() - startedMs) / 1_000).toFixed(1)} s  ${one.what}; hits ${hitsOf(one)}`);
    });
    missed = await injectAll(site, plan, (fault) => faults.inject(fault));
    await faults.heal();
    onNews('all faults have happened; the job may end');
    await untilFinal(site, request.patienceMs);
  } catch (error) {
    violations.push(`the run broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  const wallMs = performance.now() - startedMs;
  violations.push(...(await driver.stop()).map((text) => `advance printed: ${text}`));
  await watch.stop();
  findInSlurmLog(readFileSync(join(cluster.dir, 'log/slurmctld.log'), 'utf8'), injected);
  return { ...(await judge(site, { cli, injected, violations })), wallMs, missed, passes: driver.passes };
}

const hitsOf = ({ victims }: Injected): string =>
  victims.length === 0 ? 'nobody' : victims.map(({ attempt, task }) => `${attempt} (task ${task ?? '-'})`).join(', ');

/** Faults happen beside each other; resolves when all are over. How many found nobody. */
async function injectAll(
  site: ChaosSite,
  plan: ChaosPlan,
  inject: (fault: ChaosPlan['faults'][number]) => Promise<Injected | null>,
): Promise<number> {
  while (site.workers().length === 0) await pause(100);
  const beganMs = performance.now();
  const under: Promise<Injected | null>[] = [];
  for (const fault of plan.faults) {
    await pause(Math.max(0, fault.atMs - (performance.now() - beganMs)));
    if (isFinalJobState((await site.meta()).state)) break;
    const one = inject(fault);
    one.catch(() => undefined);
    under.push(one);
  }
  const done = await Promise.all(under);
  return plan.faults.length - done.filter((one) => one !== null).length;
}

async function untilFinal(site: ChaosSite, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!isFinalJobState((await site.meta()).state)) {
    if (performance.now() > deadline)
      throw new Error(`the job is still ${(await site.meta()).state} ${patienceMs} ms after the last fault`);
    await pause(300);
  }
}

async function judge(
  site: ChaosSite,
  seen: {
    readonly cli: ReturnType<typeof createCli>;
    readonly injected: readonly Injected[];
    readonly violations: string[];
  },
): Promise<Omit<ChaosReport, 'wallMs' | 'missed' | 'passes'>> {
  const { plan, job, project } = site;
  const { state } = await site.meta();
  const violations = [...seen.violations];
  const expected = plan.poison.length === 0 ? 'COMPLETED' : 'COMPLETED_WITH_FAILURES';
  if (state !== expected) violations.push(`the job is ${state}, not ${expected}`);
  if (isFinalJobState(state)) violations.push(...(await judgeOutput(seen.cli, job, plan)), ...(await judgeRest(site)));
  const history = await site.history();
  violations.push(...judgeCauses(seen.injected, history, deadlyTasks(plan)));
  const runs = project.runs();
  const causes: Record<string, number> = {};
  for (const { cause } of history) causes[cause] = (causes[cause] ?? 0) + 1;
  const faults: Partial<Record<FaultKind, number>> = {};
  for (const { fault } of seen.injected) faults[fault.kind] = (faults[fault.kind] ?? 0) + 1;
  const { seed, tasks, items, chaosMs, itemMs, poison } = plan;
  return {
    job,
    state,
    plan: { seed, tasks, items, chaosMs, itemMs, poison },
    violations,
    injected: seen.injected,
    faults,
    records: history.length,
    causes,
    detection: detectionTimes(seen.injected),
    runs,
    wasted: (runs.begun - runs.flaky - items) / items,
    wastedFinished: (runs.ended - runs.items) / items,
  };
}

/** Tasks with an item that kills its worker. */
const deadlyTasks = ({ poison, items, tasks }: ChaosPlan): ReadonlySet<string> =>
  new Set(poison.map((item) => taskIdOf(Math.floor(item / Math.ceil(items / tasks)))));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
