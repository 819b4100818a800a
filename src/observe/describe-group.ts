/** One group as the document tells it; pure. */
import type { BreakerItem } from '../domain/breaker.ts';
import { CAUSES } from '../domain/causes.ts';
import { counted } from '../domain/counted.ts';
import type { Grouping } from '../domain/error-grouping.ts';
import type { ErrorGroup, ErrorSample } from '../domain/error-groups.ts';
import { taskNumber } from '../domain/ids.ts';
import { redactStart, redactText } from '../domain/redact.ts';
import type { Baseline } from './baseline.ts';
import { correlationsOf, type Sizes } from './correlations.ts';
import type { Sample } from './failing-task.ts';
import { templateOfSample, type Grouped } from './group-failures.ts';
import type { Group } from './group.ts';
import type { ObservedJob } from './needs.ts';
import { MOST_NAMED, remedyOf } from './remedy.ts';
import { byMost } from './tally.ts';
import { minuteOf, type TimeSpans } from './time-spans.ts';

const MOST_NODES = 10;
const MESSAGE_CHARS = 2_000;

export interface Surroundings {
  readonly by: Grouping;
  readonly job: ObservedJob;
  readonly spans: TimeSpans;
  readonly grouped: Grouped;
  readonly baseline: Baseline;
  readonly breakers: ReadonlyMap<string, BreakerItem>;
  readonly sizes: Sizes | null;
}

export function describeGroup(group: Group, around: Surroundings): ErrorGroup {
  const { by, job, spans, grouped, breakers } = around;
  const fingerprints = group.fingerprints.entries();
  return {
    key: group.key,
    title: titleOf(group, by, spans),
    items: group.items,
    share: grouped.items === 0 ? 0 : group.items / grouped.items,
    attempts: group.attempts,
    tasks: group.tasks.size,
    causes: [...group.causes]
      .map(([cause, counts]) => ({ key: cause, cause, explanation: CAUSES[cause].explanation, ...counts }))
      .toSorted(byMost)
      .map(({ cause, explanation, items, attempts }) => ({ cause, explanation, items, attempts })),
    fingerprints: fingerprints
      .slice(0, MOST_NAMED)
      .map(({ key, items, attempts }) => ({ fingerprint: key, items, attempts })),
    fingerprintCount: fingerprints.length,
    firstSeen: isoOrNull(group.firstMs),
    lastSeen: isoOrNull(group.lastMs),
    nodes: group.nodes
      .entries()
      .slice(0, MOST_NODES)
      .map(({ key, items, attempts }) => ({ node: key, items, attempts })),
    times: [...group.times]
      .toSorted(([a], [b]) => a - b)
      .map(([span, counts]) => ({ from: iso(span), to: iso(span + spans.widthMs), ...counts })),
    correlations: correlationsOf({ ...around, group }),
    heldBack: heldBackOf(fingerprints, breakers),
    sample: sampleOf(group.sample, job),
    remedy: remedyOf({ group, by, job, endedItems: grouped.endedItems }),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

function titleOf({ key, sample, template }: Group, by: Grouping, { widthMs }: TimeSpans): string {
  switch (by) {
    case 'fingerprint': {
      const { cause, errorClass } = sample;
      const name = errorClass === null || errorClass === '' ? cause : errorClass;
      const words = redactText(template ?? templateOfSample(sample));
      return words === '' ? name : `${name}: ${words}`;
    }
    case 'cause':
      return `${key}: ${CAUSES[sample.cause].explanation}`;
    case 'node':
      return `node ${key}`;
    case 'task':
      return `task ${key}`;
    case 'time': {
      const begin = Date.parse(key);
      if (Number.isNaN(begin)) return `time ${key}`;
      return `${minuteOf(begin)} to ${minuteOf(begin + widthMs)} UTC`;
    }
  }
}

function sampleOf({ task, where, errorClass, message, item }: Sample, job: ObservedJob): ErrorSample {
  const itemIndex = item === null ? null : task.firstItem + item.item;
  return {
    task: task.task,
    itemId: item?.itemId ?? null,
    itemIndex,
    attempt: where.attempt,
    node: where.node,
    errorClass,
    // Groups are shown to others, and a page of them is mailed: like a log, they hold no secrets.
    message: redactStart(message, MESSAGE_CHARS - 1),
    at: isoOrNull(where.endedMs),
    taskState: task.state,
    ...commandsOf(job, taskNumber(task.task), itemIndex),
  };
}

/** Of an item what it wrote itself: the log of its task may be long. */
function commandsOf(
  { id }: ObservedJob,
  task: number,
  itemIndex: number | null,
): Pick<ErrorSample, 'logCommand' | 'explainCommand'> {
  if (itemIndex === null)
    return { logCommand: `slurmctl logs ${id} --task ${task}`, explainCommand: `slurmctl explain ${id}/${task}` };
  const item = `--item '#${itemIndex}'`;
  return { logCommand: `slurmctl logs ${id} ${item}`, explainCommand: `slurmctl explain ${id} ${item}` };
}

function heldBackOf(
  fingerprints: readonly { readonly key: string }[],
  breakers: ReadonlyMap<string, BreakerItem>,
): string | null {
  for (const { key } of fingerprints) {
    const breaker = breakers.get(key);
    if (breaker === undefined || breaker.state === 'CLOSED') continue;
    const { state, tasks, canary, untilMs } = breaker;
    const held = counted(tasks, 'task');
    if (state === 'SPENT')
      return `retries were tried in vain one by one, and ${held} that failed so were given up or get a last try`;
    if (state === 'HALF')
      return `the retries of ${held} are held back while task ${canary ?? ''} tries whether it still fails`;
    const when = untilMs === undefined ? 'soon' : `at ${minuteOf(untilMs)} UTC`;
    return `the retries of ${held} are held back; one tries again ${when}`;
  }
  return null;
}
