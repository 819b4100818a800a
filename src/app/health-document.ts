/** `health`: what is wrong with the jobs of a home directory, from what is stored and one look at the queue. Changes nothing. */
import { readMeta } from '../coordinator/job-meta.ts';
import { readSubmissions } from '../coordinator/submissions.ts';
import type { HealthFinding } from '../domain/health.ts';
import type { JobId } from '../domain/ids.ts';
import { isAppError } from '../errors/app-error.ts';
import { judgeJob } from '../observe/health/judge-job.ts';
import { judgeOutbox } from '../observe/health/judge-outbox.ts';
import { judgeQueue } from '../observe/health/judge-site.ts';
import { knownJobs, type KnownJob } from './find-job.ts';
import type { HealthDocument } from './health-documents.ts';
import { healthFacts, type LookedAt } from './health-facts.ts';
import { askQueues, queueNameOf, recordedNames } from './health-queue.ts';
import { siteFindings } from './health-site.ts';
import { readUndelivered } from './undelivered.ts';
import type { Drivers } from './job-backends.ts';
import { createDriversOf, type DriversOf } from './job-drivers.ts';
import { requireState } from './require-state.ts';

/** Jobs that have ended: the newest of them. Their submissions are compared with the queue. */
const MOST_ENDED = 50;

/** One question to each batch system that a job runs on, however many jobs there are. @throws STATE_* */
export async function healthDocument(drivers: Drivers): Promise<HealthDocument> {
  const { state, clock } = drivers;
  await requireState(state);
  const driversOf = createDriversOf(drivers);
  const known = await knownJobs(state);
  const findings: HealthFinding[] = [];
  const looked = await lookAtJobs(known, driversOf, findings);
  const { queues, problems } = await askQueues(looked);
  findings.push(...problems);
  for (const one of looked)
    try {
      findings.push(...judgeJob(await healthFacts(one, queues.get(queueNameOf(one)) ?? null)));
    } catch (error) {
      findings.push(unreadable(one.job, error));
    }
  const queued = [...queues.values()].flatMap((queue) => [...queue.values()]);
  const { findings: orphans, foreign } = judgeQueue({ queued, recorded: await recordedNames(state, known, queued) });
  findings.push(...orphans, ...(await siteFindings(drivers, known, driversOf)));
  findings.push(...(await outboxFindings([drivers, ...looked.map(({ own }) => own)])));
  const of = `jobs that ${state.rootUrl} does not know: they are of another home directory, or were removed`;
  return {
    schema: 'slurmctl.health/1',
    verdict: worst(findings),
    at: new Date(clock.nowMs()).toISOString(),
    jobs: looked.length,
    findings: findings.toSorted((a, b) => rank(a) - rank(b)),
    notes: foreign === 0 ? [] : [`in the queue, submissions of ${of} (${foreign})`],
  };
}

const rank = ({ verdict }: HealthFinding): number => (verdict === 'fail' ? 0 : 1);

const worst = (findings: readonly HealthFinding[]): HealthDocument['verdict'] =>
  findings.some(({ verdict }) => verdict === 'fail') ? 'fail' : findings.length > 0 ? 'warn' : 'ok';

/** @throws what is a bug */
function unreadable(job: JobId, error: unknown): HealthFinding {
  if (!isAppError(error)) throw error;
  const found = `${error.message} [${error.code}]`;
  return { check: 'unreadable', verdict: 'fail', jobId: job, found, remedy: `slurmctl status ${job}` };
}

/** Of every outbox, once: jobs may keep their state elsewhere. */
async function outboxFindings(all: readonly Drivers[]): Promise<HealthFinding[]> {
  const findings: HealthFinding[] = [];
  for (const { state, clock } of new Map(all.map((each) => [each.urls.state, each])).values()) {
    const nowMs = clock.nowMs();
    findings.push(...judgeOutbox(await readUndelivered(state, nowMs), nowMs));
  }
  return findings;
}

/** The live jobs and the newest that have ended. The copy of a job that lives in a spool is looked at there. */
async function lookAtJobs(
  known: readonly KnownJob[],
  driversOf: DriversOf,
  findings: HealthFinding[],
): Promise<LookedAt[]> {
  const here = known.filter(({ spool }) => spool === undefined);
  const live = here.filter((job) => job.live);
  const ended = here.filter((job) => !job.live).slice(0, MOST_ENDED);
  const looked: LookedAt[] = [];
  for (const job of [...live, ...ended])
    try {
      const own = await driversOf(job);
      const meta = await readMeta(own.state, job.id);
      // A submit that died before there was a job left nothing that could be stuck.
      if (meta === null) continue;
      looked.push({ job: job.id, own, meta, submissions: await readSubmissions(own.state, job.id) });
    } catch (error) {
      findings.push(unreadable(job.id, error));
    }
  return looked;
}
