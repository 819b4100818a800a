/** `plan`: everything a submit would do, short of doing it. The input is split through the real code and thrown away. */
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import { newJobId } from '../coordinator/create-job.ts';
import { fedNow } from '../coordinator/limit-feed.ts';
import { planChunks, planElements } from '../coordinator/plan-array.ts';
import { submitRequest } from '../coordinator/send.ts';
import { splitInput } from '../coordinator/split/split-input.ts';
import type { Submission } from '../coordinator/submissions.ts';
import { submissionName } from '../domain/job-item.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { mostWorkers } from '../domain/limit-feed.ts';
import { STORE_LIMIT } from '../domain/limit.ts';
import { describeLimit } from '../domain/limit-rate.ts';
import { MANIFEST_SCHEMAS, type JobManifest } from '../domain/manifest.ts';
import { compareShared } from '../limiter/agree.ts';
import type { Agreed } from '../limiter/site-limits.ts';
import type { AgreedPool } from '../limiter/site-pools.ts';
import { groupOfPool } from '../domain/turns.ts';
import { createDiscardingStore } from './discarding-store.ts';
import { formatDuration } from '../domain/units.ts';
import type { PlanDocument } from './documents.ts';
import type { ReadJob } from './read-job.ts';
import { groupWords, sharedWords } from './job-turn.ts';
import { requireServices } from './require-services.ts';
import { rulesDocument } from './rules-document.ts';

/** Submissions shown in full; a plan of thousands of chunks helps nobody. */
const SHOWN_SUBMISSIONS = 20;

export async function planJob(
  deps: CoordinatorDeps,
  wanted: ReadJob,
  about: { readonly schedulerFrom: string; readonly elementLogDir: (job: string) => string },
): Promise<PlanDocument> {
  const { spec, backends } = wanted;
  await requireServices(deps, backends);
  const words = await sharedWords(deps.state, spec);
  const { limits: shared, pools } = await compareShared(deps.state, words, { source: `job ${spec.name}` });
  const limits = await deps.batch.limits({
    ...(spec.slurm.partition === undefined ? {} : { partition: spec.slurm.partition }),
    resources: spec.resources,
  });
  const job = newJobId(deps, spec.name);
  const split = await splitInput({ ...deps, store: createDiscardingStore() }, { job, spec });
  const fed = await fedNow(deps.state, spec, { nowMs: deps.clock.nowMs() });
  const planned = planElements(spec.slurm, split.counts.tasks, limits.slots, fed);
  const manifest = rehearsedManifest(deps, wanted, { job, split });
  // A rehearsal makes no directories: only the path of the element logs is shown.
  const dry: CoordinatorDeps = { ...deps, elementLogDir: async () => about.elementLogDir(job) };
  const submissions: PlanDocument['submissions'][number][] = [];
  for (const chunk of planChunks(planned.elements, limits.maxArraySize).slice(0, SHOWN_SUBMISSIONS)) {
    const id = deps.ids.ulid() as Submission['id'];
    const row: Submission = {
      id,
      state: 'INTENT',
      kind: 'array',
      jobName: submissionName(job, id),
      wave: 0,
      ...chunk,
      waveElements: planned.elements,
      createdMs: deps.clock.nowMs(),
    };
    const rendered = deps.batch.render(await submitRequest({ deps: dry, job, manifest }, row));
    submissions.push({ elements: chunk.elements, ...rendered });
  }
  return {
    schema: 'slurmctl.plan/1',
    name: spec.name,
    scheduler: backends.scheduler,
    schedulerFrom: about.schedulerFrom,
    home: backends.home,
    items: split.counts.items,
    bytes: split.counts.bytes,
    tasks: split.counts.tasks,
    badRecords: split.counts.badRecords,
    elements: planned.elements,
    elementsReason: planned.reason,
    submissions,
    limits: [
      ...limits.sources,
      ...shared.flatMap((limit) => rowsOf(limit, spec)),
      ...pools.map(poolRow),
      ...(await groupRows(deps, spec)),
    ],
    rules: rulesDocument(spec.retry),
    warnings: wanted.warnings,
  };
}

const poolRow = ({ name, definition, isNew, source }: AgreedPool): PlanDocument['limits'][number] => ({
  ...nameAndValue(name, definition.slots),
  from: isNew ? `${source}; submit makes it the site's` : source,
});

async function groupRows(
  { state }: Pick<CoordinatorDeps, 'state'>,
  { concurrency }: JobSpec,
): Promise<PlanDocument['limits'][number][]> {
  if (concurrency === undefined) return [];
  const { group } = concurrency;
  return [{ name: `group ${group} holds`, value: await groupWords(state, group), from: 'the state table' }];
}

function nameAndValue(name: string, slots: number): Pick<PlanDocument['limits'][number], 'name' | 'value'> {
  const group = groupOfPool(name);
  if (group === null) return { name: `pool ${name}`, value: slots === 1 ? '1 slot' : `${slots} slots` };
  return { name: `group ${group}`, value: slots === 1 ? '1 job at a time' : `${slots} jobs at a time` };
}

/** A limit of the site as the plan shows it: its figures, and how many workers it can keep busy. */
function rowsOf(
  { name, definition, isNew, source }: Agreed,
  { limits, handler }: JobSpec,
): PlanDocument['limits'][number][] {
  const from = isNew ? `${source}; submit makes it the site's` : source;
  const { cost = {} } = limits?.find((limit) => limit.name === name) ?? {};
  const { timeoutMs: latencyMs, concurrency: inFlight } = handler;
  // What takes the turns of that one is no element.
  const feed = name === STORE_LIMIT ? null : mostWorkers(definition, { cost, latencyMs, inFlight });
  const calls = `one call an item, of ${formatDuration(latencyMs)} (handler.timeout), ${inFlight} at a time`;
  return [
    { name: `limit ${name}`, value: describeLimit(definition), from },
    ...(feed === null ? [] : [{ name: `limit ${name} feeds`, value: `at most ${feed.workers} elements`, from: calls }]),
  ];
}

/** The manifest as a submit would store it, as far as scripts are made from it. */
const rehearsedManifest = (
  deps: CoordinatorDeps,
  { spec, backends, handlerSha256 }: ReadJob,
  { job, split }: { readonly job: JobManifest['job']; readonly split: Awaited<ReturnType<typeof splitInput>> },
): JobManifest => ({
  schema: MANIFEST_SCHEMAS.job,
  job,
  createdMs: deps.clock.nowMs(),
  spec,
  backends,
  specHash: '',
  handlerSha256,
  version: deps.version,
  inputDigest: split.inputDigest,
  counts: split.counts,
  shards: 1,
});
