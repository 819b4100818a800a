/** What a pass does when its real work is done: looks at the job by the rules, and sends what waits to be sent. */
import { readManifest } from '../coordinator/manifests.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import type { Alerting, AlertRule } from '../domain/alert-rule.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobIndexItem, JobMeta } from '../domain/job-item.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { jobIndexKey } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import { wordsOfFailure } from '../errors/words-of-failure.ts';
import { sendOutbox, type Delivery } from '../observe/alerts/outbox.ts';
import { tellJob } from '../observe/alerts/tell.ts';
import { readAlertFacts } from './alert-facts.ts';
import { HOOK_MS, SEND_MS, senderOf } from './alert-channels.ts';
import type { Drivers } from './job-backends.ts';

/** A job, and how a pass left it; absent: it is looked up. */
export interface PassedJob {
  readonly job: JobId;
  readonly meta?: JobMeta;
}

/**
 * Sentences about what was sent and what could not be. Nothing of it may end a pass that did its work: what goes wrong is one of the sentences.
 * Sends nothing where neither settings nor job file name a rule.
 */
export async function tellAfterPass(
  drivers: Drivers,
  alerting: Alerting,
  passed: PassedJob,
): Promise<readonly string[]> {
  const looked = await lookAfterPass(drivers, alerting, passed);
  return looked === null ? [] : [...looked, ...(await sendWaiting(drivers, alerting))];
}

/** Puts what is to be told of the job into the outbox; null: nobody wants to know anything of it. What went wrong, as sentences. */
export async function lookAfterPass(
  drivers: Drivers,
  alerting: Alerting,
  { job, meta: left }: PassedJob,
): Promise<readonly string[] | null> {
  const meta = left ?? (await quietly(() => readMeta(drivers.state, job)));
  if (meta === null) return null;
  if ('trouble' in meta) return [meta.trouble];
  if (meta.tells !== true && alerting.rules.length === 0) return null;
  const looked = await quietly(() => lookAtRules(drivers, alerting, { job, meta }));
  return typeof looked === 'object' ? [looked.trouble] : [];
}

/** Sends what waits in the outbox and can be sent from here, whichever job it is about. */
export async function sendWaiting(drivers: Drivers, alerting: Alerting): Promise<readonly string[]> {
  const { state, clock, ids, host } = drivers;
  const notes: string[] = [];
  const sent = await quietly(() =>
    sendOutbox({
      state,
      clock,
      ids,
      hostname: host.hostname,
      user: host.user,
      sendMs: SEND_MS,
      hookMs: HOOK_MS,
      senderOf: (item) => senderOf(drivers, alerting, item),
      note: (words) => notes.push(words),
    }),
  );
  return [...('trouble' in sent ? [sent.trouble] : sent.map(deliveryWords)), ...notes];
}

async function lookAtRules(
  drivers: Drivers,
  alerting: Alerting,
  { job, meta }: { readonly job: JobId; readonly meta: JobMeta },
): Promise<number> {
  const { user } = drivers.host;
  const spec = await specOf(drivers, job, meta, alerting.rules);
  // What a job file says is said by its owner: with the owner's channels, and for hooks with the owner's rights.
  const own = meta.tells === true && (await ownerOf(drivers, job, user)) === user ? spec : null;
  const rules = [...alerting.rules, ...(own?.alerts ?? [])];
  const limits = rules.some(({ when }) => when === 'quota') ? (spec?.limits ?? []) : [];
  return tellJob(drivers, {
    job,
    isFinal: isFinalJobState(meta.state),
    generation: meta.generation,
    rules,
    hooks: own?.on ?? {},
    baseDir: own?.baseDir ?? drivers.urls.home,
    place: drivers.urls.state,
    user,
    facts: () => readAlertFacts(drivers, job, limits),
  });
}

/** Who submitted the job; whoever asks, for jobs of versions that did not write it. */
async function ownerOf({ state }: Drivers, job: JobId, otherwise: string): Promise<string> {
  const entry = (await state.get(jobIndexKey(job))) as JobIndexItem | null;
  return entry?.user ?? otherwise;
}

/** Read only when it is needed. A job that died before it was stored has none. */
async function specOf(
  { store }: Drivers,
  job: JobId,
  meta: JobMeta,
  rules: readonly AlertRule[],
): Promise<JobSpec | null> {
  if (meta.tells !== true && !rules.some(({ when }) => when === 'quota')) return null;
  try {
    return (await readManifest(store, job, meta)).spec;
  } catch (error) {
    if (isAppError(error, 'STORE_NOT_FOUND') || isAppError(error, 'MANIFEST_CORRUPT')) return null;
    throw error;
  }
}

function deliveryWords({ item, error }: Delivery): string {
  const said = item.detail === '' ? '' : `: ${item.detail}`;
  if (item.kind === 'hook')
    return error === null
      ? `the hook on.${item.to} of ${item.job} ran${said}`
      : `the hook on.${item.to} of ${item.job} failed${said}`;
  const about = `${item.event.event} of ${item.job}`;
  return error === null
    ? `told ${item.to} about ${about}${said}`
    : `could not tell ${item.to} about ${about}, tries again later: ${error}`;
}

/** A bug is one of the sentences, too: the pass has done its work, and what it did has to be told. */
async function quietly<T>(work: () => Promise<T>): Promise<T | { readonly trouble: string }> {
  try {
    return await work();
  } catch (error) {
    return { trouble: `alerts were left to the next pass: ${wordsOfFailure(error)}` };
  }
}
