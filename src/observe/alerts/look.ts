/** One look at a job by its rules: what is remembered afterwards, and what is to be told. Pure. */
import type { AlertEpisode, AlertsItem, OutboxItem } from '../../domain/alert-items.ts';
import { ALERT_KINDS, isMailAddress, type AlertRule, type HookEvent, type JobHooks } from '../../domain/alert-rule.ts';
import { canonicalJson } from '../../domain/canonical-json.ts';
import { isFinalJobState } from '../../domain/states.ts';
import { shortHash } from '../short-hash.ts';
import { stepEpisode } from './episode.ts';
import { finishedItems, isAtWork, isIdle, type AlertFacts } from './facts.ts';
import { ALERT_DEFAULTS, judgeRule } from './judge-rule.ts';
import { wordMessage } from './word-message.ts';

export interface LookRequest {
  /** Null: nobody looked yet. */
  readonly stored: AlertsItem | null;
  readonly facts: AlertFacts;
  readonly rules: readonly AlertRule[];
  /** What the job file has to be run, and in which directory. */
  readonly hooks: JobHooks;
  readonly baseDir: string;
  readonly place: string;
  /** Who looks. */
  readonly user: string;
  readonly rev: string;
}

export interface Look {
  readonly item: AlertsItem;
  readonly outbox: readonly { readonly id: string; readonly item: OutboxItem }[];
}

/** Looks that come sooner than this after the last one have nothing to say, unless the job has ended. */
export const LOOK_EVERY_MS = 30_000;
/** Looks kept for `error-spike`. */
const MOST_FAILURE_SAMPLES = 120;

export function lookAtJob(request: LookRequest): Look {
  const { stored, facts, rules, rev } = request;
  const past = stored?.generation === facts.generation ? stored : null;
  const finished = finishedItems(facts);
  // While nothing runs there is nothing that could stand still: that time is the queue's.
  const hasMoved = past === null || past.finished !== finished || !isAtWork(facts) || isIdle(facts);
  const seen = {
    finishedSinceMs: hasMoved ? facts.nowMs : past.finishedSinceMs,
    idleSinceMs: isIdle(facts) ? (past?.idleSinceMs ?? facts.nowMs) : null,
    failures: samples(past?.failures ?? firstSample(facts), facts, longestSpike(rules)),
  };
  const episodes: Record<string, AlertEpisode> = { ...past?.episodes };
  const messages: Look['outbox'][number][] = [];
  for (const told of recipientsOf(request)) {
    const { is, what } = judgeRule(told.rule, facts, seen);
    const { episode, begins } = stepEpisode(past?.episodes[told.key], is, facts.nowMs);
    if (episode === undefined) continue;
    episodes[told.key] = episode;
    if (begins) messages.push(messageOf(request, told, { number: episode.number, what }));
  }
  const hooks = hooksOf(request).filter(({ key }) => episodes[key] === undefined);
  for (const { key } of hooks) episodes[key] = { number: 1, open: true, sinceMs: facts.nowMs, calmMs: null };
  return {
    item: { rev, generation: facts.generation, seenMs: facts.nowMs, finished, ...seen, episodes },
    outbox: [...messages, ...hooks.map(({ id, item }) => ({ id, item }))],
  };
}

interface Recipient {
  /** Of the rule and whom it tells: the same wherever the rule is written, and however often. */
  readonly key: string;
  readonly rule: AlertRule;
  readonly to: string;
}

/** A channel of one user is not that of another who calls it the same; an address is one address. */
function recipientsOf({ rules, user }: LookRequest): Iterable<Recipient> {
  const all = rules.flatMap((rule) =>
    rule.to.map((to): Recipient => {
      const whom = isMailAddress(to) ? to : `${user} ${to}`;
      return { key: `${ruleKey(rule)}-${shortHash(whom)}`, rule, to };
    }),
  );
  return new Map(all.map((each) => [each.key, each])).values();
}

/** The same for two rules that differ in their recipients alone. */
function ruleKey({ when, forMs, withinMs, above }: AlertRule): string {
  if (ALERT_KINDS[when].once) return when;
  return `${when}-${shortHash(canonicalJson([forMs ?? null, withinMs ?? null, above ?? null]))}`;
}

function messageOf(
  request: LookRequest,
  { key, rule, to }: Recipient,
  { number, what }: { readonly number: number; readonly what: string },
): Look['outbox'][number] {
  const { facts, place } = request;
  const id = `${facts.job}#${facts.generation}#${key}#${number}`;
  return { id, item: newItem(request, { to, ...wordMessage(facts, { id, event: rule.when, what, place }) }) };
}

/** An episode of its own says that it was put into the outbox, so that it is there once in a generation. */
function hooksOf(request: LookRequest): readonly (Look['outbox'][number] & { readonly key: string })[] {
  const { facts, hooks, baseDir: cwd, place } = request;
  return hookEventsOf(facts).flatMap((event) => {
    const argv = hooks[event];
    if (argv === undefined) return [];
    const id = `${facts.job}#${facts.generation}#hook#${event}`;
    const words = wordMessage(facts, { id, event, what: `ended as ${facts.state}`, place });
    return [
      {
        key: `hook-${event}`,
        id,
        item: { ...newItem(request, { to: event, ...words }), kind: 'hook', argv, cwd } as const,
      },
    ];
  });
}

function hookEventsOf({ state }: AlertFacts): readonly HookEvent[] {
  if (!isFinalJobState(state)) return [];
  if (state === 'FAILED') return ['failed', 'ended'];
  return state === 'CANCELLED' ? ['cancelled', 'ended'] : ['completed', 'ended'];
}

const newItem = (
  { user, facts: { job, nowMs } }: LookRequest,
  words: Pick<OutboxItem, 'to' | 'subject' | 'text' | 'event'>,
): OutboxItem => ({
  kind: 'message',
  job,
  user,
  ...words,
  createdMs: nowMs,
  state: 'waiting',
  tries: 0,
  claim: '',
  claimedMs: 0,
  host: '',
  notBeforeMs: 0,
  endedMs: 0,
  detail: '',
});

/** Nothing had failed when the job was submitted; what had when `retry` opened it again nobody knows. */
const firstSample = ({ generation, beganMs, nowMs, items }: AlertFacts): AlertsItem['failures'] =>
  generation === 0 ? [[beganMs, 0]] : [[nowMs, items.failed]];

/** So many looks that the longest time of any rule is covered, each at least its share of it apart. */
function samples(kept: AlertsItem['failures'], facts: AlertFacts, longestMs: number): AlertsItem['failures'] {
  // Kept for whoever has such a rule.
  if (longestMs === 0) return kept;
  const apartMs = longestMs / (MOST_FAILURE_SAMPLES / 2);
  const last = kept.at(-1);
  const all =
    last === undefined || facts.nowMs - last[0] >= apartMs
      ? [...kept, [facts.nowMs, facts.items.failed] as const]
      : kept;
  // The last one before the time begins is what its end is compared with.
  const first = all.findLastIndex(([atMs]) => atMs <= facts.nowMs - longestMs);
  return all.slice(Math.max(0, first, all.length - MOST_FAILURE_SAMPLES));
}

const longestSpike = (rules: readonly AlertRule[]): number =>
  Math.max(
    0,
    ...rules.flatMap((rule) => (rule.when === 'error-spike' ? [rule.withinMs ?? ALERT_DEFAULTS.spikeWithinMs] : [])),
  );
