/** `doctor`: looks at everything a job will need from this host, and says what to do about what is wrong. */
import { mkdir, open, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describeFailure } from '../backends/shared/fs-errno.ts';
import { isAppError, messageOf } from '../errors/app-error.ts';
import { formatBytes } from '../domain/units.ts';
import type { Settings } from '../config/settings.ts';
import { checkAlerts } from './check-alerts.ts';
import { chooseScheduler, type SchedulerChoice } from './choose-scheduler.ts';
import type { DoctorDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { countKept } from './kept-results.ts';
import { checkServices } from './run-doctor-services.ts';

type Check = DoctorDocument['checks'][number];

const OLDEST_NODE = [20, 19] as const;
/** Below this, a merge of a large job is likely to fail. */
const FREE_SCRATCH_BYTES = 2 * 1024 ** 3;
/** A file system whose clock is further off than this confuses people who compare times; slurmctl itself compares none across hosts. */
const CLOCK_SKEW_MS = 5_000;

/** Asks the batch system, the services and the file systems at the same time: what does not answer holds up only itself. */
export async function runDoctor(drivers: Drivers, settings: Settings): Promise<DoctorDocument> {
  const batch = chooseScheduler(drivers, settings.scheduler).then((choice) => checkScheduler(drivers, choice));
  const [home, scratch, scheduler, services] = await Promise.all([
    checkHome(drivers),
    checkScratch(drivers),
    batch,
    checkServices(drivers),
  ]);
  const checks = [
    checkNode(process.versions.node),
    home,
    ...(home.verdict === 'ok' ? [await checkClock(drivers)] : []),
    scratch,
    ...(await checkKept(drivers)),
    ...(await checkAlerts(drivers, settings.alerting)),
    ...scheduler,
    ok('cpus', `${availableParallelism()} usable here`),
    ...services.checks,
    ...(home.verdict === 'ok' ? await services.remember() : []),
  ];
  return {
    schema: 'slurmctl.doctor/1',
    ok: checks.every((check) => check.verdict !== 'fail'),
    checks,
    settings: listSettings(settings),
  };
}

const listSettings = ({ aws, alerting, ...settings }: Settings): DoctorDocument['settings'] => [
  ...Object.entries(settings).map(([name, { value, from }]) => ({ name, value: value ?? 'none', from })),
  ...Object.keys(alerting.channels).map((name) => ({
    name: `channels.${name}`,
    value: alerting.channels[name]?.kind ?? 'none',
    from: 'settings files',
  })),
  ...aws.map(({ name, value, from }) => ({ name, value, from })),
];

const ok = (name: string, found: string): Check => ({ name, verdict: 'ok', found, remedy: null });

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (enough) return ok('node', `Node ${version}`);
  return {
    name: 'node',
    verdict: 'fail',
    found: `Node ${version}`,
    remedy: `Install Node ${OLDEST_NODE.join('.')} or later`,
  };
}

/** Writes, renames and removes a file where state will live. */
async function checkHome(drivers: Drivers): Promise<Check> {
  const { home } = drivers.urls;
  const probe = join(home, `.doctor-${drivers.ids.token(8)}`);
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    const handle = await open(probe, 'wx', 0o600);
    await handle.sync();
    await handle.close();
    await rm(probe);
    return ok('home', `${home} can be written`);
  } catch (error) {
    return {
      name: 'home',
      verdict: 'fail',
      found: describeFailure(error, home),
      remedy: 'Choose a directory that you may write and that compute nodes see, with --home or SLURMCTL_HOME',
    };
  }
}

/** Compares this host's clock with the one that stamps files in the home directory (a file server's, on a cluster). */
async function checkClock(drivers: Drivers): Promise<Check> {
  const probe = join(drivers.urls.home, `.doctor-${drivers.ids.token(8)}`);
  try {
    const beforeMs = drivers.clock.nowMs();
    await (await open(probe, 'wx', 0o600)).close();
    const { mtimeMs } = await stat(probe);
    await rm(probe);
    const afterMs = drivers.clock.nowMs();
    const offMs = Math.max(0, beforeMs - mtimeMs, mtimeMs - afterMs);
    if (offMs <= CLOCK_SKEW_MS) return ok('clock', `agrees with the file system within ${CLOCK_SKEW_MS / 1_000} s`);
    return {
      name: 'clock',
      verdict: 'warn',
      found: `this host and the file system differ by ${Math.round(offMs / 1_000)} s`,
      remedy: 'Ask for NTP on this host; until then times shown by slurmctl are off by as much',
    };
  } catch (error) {
    return { name: 'clock', verdict: 'warn', found: messageOf(error), remedy: 'See the home check' };
  }
}

async function checkScratch(drivers: Drivers): Promise<Check> {
  try {
    const verdict = (await drivers.scratch()).check();
    const found = `${verdict.path} (${verdict.source}, ${verdict.fileSystem}, ${formatBytes(verdict.freeBytes)} free)`;
    if (verdict.freeBytes >= FREE_SCRATCH_BYTES) return ok('scratch', found);
    return {
      name: 'scratch',
      verdict: 'warn',
      found,
      remedy: 'Set SLURMCTL_SCRATCH to a local directory with more space',
    };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { name: 'scratch', verdict: 'fail', found: error.message, remedy: error.hint };
  }
}

/** Says only that something waits: nothing is no news. */
async function checkKept(drivers: Drivers): Promise<Check[]> {
  const { shared, local } = await drivers.spills();
  const checks: Check[] = [];
  for (const [place, remedy] of [
    [shared, 'They are taken up by: slurmctl tick (or advance JOB; for a job that is over, aggregate JOB)'],
    [local, 'The next elements of these jobs on this host take them up'],
  ] as const) {
    const { results, jobs } = await countKept(place).catch(nothingKept);
    const found = `${results} finished results of ${jobs.join(', ')} could not be stored and wait in ${place.path}`;
    if (results > 0) checks.push({ name: 'kept results', verdict: 'warn', found, remedy });
  }
  return checks;
}

/** A directory that cannot be read is what the other checks are about. */
function nothingKept(error: unknown): { readonly results: number; readonly jobs: readonly string[] } {
  if (!isAppError(error)) throw error;
  return { results: 0, jobs: [] };
}

async function checkScheduler(drivers: Drivers, choice: SchedulerChoice): Promise<Check[]> {
  const batch = await drivers.batch(choice.scheduler);
  const answer = await batch.ping();
  const name = 'scheduler';
  if (!answer.ok)
    return [
      {
        name,
        verdict: 'fail',
        found: `${choice.scheduler} (${choice.from}): ${answer.detail}`,
        remedy: 'Run on a login node where `scontrol ping` answers, or set scheduler: local',
      },
    ];
  const version = answer.version === undefined ? '' : ` ${answer.version}`;
  const checks = [ok(name, `${choice.scheduler}${version}: ${choice.from}`)];
  try {
    const limits = await batch.limits({ resources: { cpus: 1, memoryBytes: 1024 ** 3, timeMs: 3_600_000 } });
    checks.push(ok('limits', limits.sources.map((source) => `${source.name}=${source.value}`).join(', ')));
  } catch (error) {
    if (!isAppError(error)) throw error;
    checks.push({ name: 'limits', verdict: 'warn', found: error.message, remedy: error.hint });
  }
  return checks;
}
