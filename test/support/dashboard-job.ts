/** A made-up job of any size as its dashboard is made of it: nodes of different speed, tasks that failed, retries, a second wave. */
import type { ErrorGroup, ErrorGroups } from '../../src/domain/error-groups.ts';
import type { AttemptRecord } from '../../src/domain/history.ts';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import { finishedItems, createCounter } from '../../src/coordinator/task-list.ts';
import type { DashboardSources } from '../../src/observe/dashboard/build.ts';
import { distributionOfTimes } from '../../src/observe/dashboard/distribution.ts';
import { createRetryCounter } from '../../src/observe/dashboard/retries.ts';
import { createFactCollector } from '../../src/observe/dashboard/task-facts.ts';
import { createSeededRandom } from './seeded-random.ts';

export const START_MS = Date.UTC(2026, 10, 20, 9, 12, 5);
const ITEMS = 1_000;

export interface MadeUpJob {
  readonly tasks: number;
  readonly nodes: number;
  /** Share of the tasks that have been worked on, 0 to 1. */
  readonly reached?: number;
  /** Text in every place where users can put some. */
  readonly text?: string;
}

/** Equal arguments give equal jobs. */
export function madeUpJob({
  tasks,
  nodes,
  reached = 1,
  text = 'no licence for "abaqus"',
}: MadeUpJob): DashboardSources {
  const random = createSeededRandom(7);
  const finished = reached === 1;
  const slots = nodes * 4;
  const free = Array.from<number>({ length: slots }).fill(START_MS + 45_000);
  const counter = createCounter(1);
  const retries = createRetryCounter();
  const read: { readonly id: string; readonly item: TaskItem }[] = [];
  const records: { readonly task: string; readonly record: AttemptRecord }[] = [];
  for (let n = 0; n < tasks; n += 1) {
    const slot = free.indexOf(Math.min(...free));
    const node = `${text === 'no licence for "abaqus"' ? '' : text}n${String(Math.floor(slot / 4) + 1).padStart(3, '0')}`;
    let startedMs = free[slot] ?? START_MS;
    const ms = 40_000 * (0.6 + random.next()) * (slot % 7 === 3 ? 2.6 : 1) + (random.next() < 0.01 ? 240_000 : 0);
    let attempts = 1;
    while (random.next() < (slot % 11 === 5 ? 0.3 : 0.02) && attempts < 4) {
      const endedMs = startedMs + ms * random.next();
      records.push({
        task: taskIdOf(n),
        record: recordOf({ node, startedMs, endedMs, oom: random.next() < 0.4, text }),
      });
      startedMs = endedMs + 5_000;
      attempts += 1;
    }
    const finishedMs = startedMs + ms;
    free[slot] = finishedMs;
    const item = itemOf(n, {
      node,
      startedMs,
      finishedMs,
      attempts,
      reached: n / tasks,
      until: reached,
      text,
      random: random.next(),
    });
    read.push({ id: taskIdOf(n), item });
    counter.add(item);
    retries.task(item);
  }
  const nowMs = Math.round(finished ? Math.max(...free) : (free.toSorted((a, b) => a - b)[slots >> 1] ?? START_MS));
  const collector = createFactCollector({ nowMs, submittedWave: 1 });
  for (const { id, item } of read) collector.task({ id, item, seen: finishedItems(item) });
  for (const { task, record } of records) {
    collector.record(task, record);
    retries.record(task, record);
  }
  const counts = counter.counts();
  const times = Array.from({ length: 5_000 }, () => 20 * Math.exp(3 * random.next() * random.next()));
  return {
    nowMs: nowMs + 90_000,
    id: 'embed-01jd4x8k9qv3m2w7',
    meta: {
      name: text === 'no licence for "abaqus"' ? 'embed-catalogue' : text,
      state: finished ? (counts.items.failed > 0 ? 'COMPLETED_WITH_FAILURES' : 'COMPLETED') : 'RUNNING',
      createdMs: START_MS,
      ...(finished ? { finishedMs: nowMs + 20_000 } : {}),
      scheduler: 'slurm',
      generation: 0,
    },
    status: {
      reason: finished ? null : text,
      ...counts,
      itemsPerSec: 1_234.5,
      etaMs: finished ? null : 754_000,
      notes: finished ? [] : [`12 tasks are held back: ${text}`],
      output: finished ? `/data/run/${text}/results.parquet` : null,
    },
    facts: collector.facts(),
    retries: retries.retries(),
    spec: specOf(),
    itemTimes: finished
      ? distributionOfTimes(times, '')
      : { missing: 'How long each item took is known once the output of the job is published.' },
    errors: errorsOf(counts.items.failed, records.length, text),
    limits: {
      limits: [
        {
          name: 'embedding-api',
          words: '3000/min requests, 1000000/min tokens; at most 2000000 requests a day (UTC)',
          share: 0.82,
          refusals: 14,
          soldAheadMs: finished ? 0 : 42_000,
          sold: [
            { unit: 'requests', units: 1_204_332 },
            { unit: 'tokens', units: 388_120_040 },
          ],
          windows: [{ unit: 'requests', used: 1_204_332, amount: 2_000_000, every: 'day' }],
          waitingTasks: finished ? 0 : 23,
        },
      ],
    },
    jobFile: `name: embed-catalogue\n# ${text}\ninput: {file: catalogue.jsonl}\nbatch: {items: 1000}\nhandler:\n  module: ./embed.mjs\n  concurrency: 16\nresources: {cpus: 2, memory: 4G, time: 1h}\n`,
    versions: [
      ['submitted with slurmctl', '0.1.0'],
      ['page made with slurmctl', '0.1.0 on Node 20.20.2'],
      ['handler, sha-256', '9f1c2b7de0a4519f1c2b7de0a4519f1c2b7de0a4519f1c2b7de0a4519f1c2b7d'],
    ],
  };
}

function recordOf(at: {
  readonly node: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly oom: boolean;
  readonly text: string;
}): AttemptRecord {
  const { node, startedMs, endedMs, oom, text } = at;
  return {
    generation: 0,
    node,
    startedMs,
    endedMs,
    cause: oom ? 'oom' : 'node-fail',
    detail: text,
    savedItems: 0,
    decision: oom ? 'escalate' : 'retry',
    rule: `built-in rule for ${oom ? 'oom' : 'node-fail'}`,
    why: text,
    charged: oom,
  };
}

function itemOf(
  n: number,
  at: {
    readonly node: string;
    readonly startedMs: number;
    readonly finishedMs: number;
    readonly attempts: number;
    readonly reached: number;
    readonly until: number;
    readonly text: string;
    readonly random: number;
  },
): TaskItem {
  const { node, startedMs, finishedMs, attempts, reached, until, text, random } = at;
  const base = { generation: 0, wave: 0, items: ITEMS, attempts, charged: 1 };
  if (reached > until + 0.08)
    return { ...base, state: 'PENDING', wave: reached > 0.8 ? 2 : 1, attempts: 0, charged: 0 };
  if (reached > until) return { ...base, state: 'RUNNING', node, startedMs, progress: Math.floor(random * ITEMS) };
  if (random < 0.004) return { ...base, state: 'DEAD', cause: 'handler-error', causeDetail: text };
  if (until < 1 && random < 0.012)
    return { ...base, state: 'WAIT', cause: 'oom', causeDetail: text, notBeforeMs: finishedMs };
  const failed = random > 0.97 ? Math.ceil((random - 0.97) * 1_000) : 0;
  const win = {
    attempt: asAttemptId(`4711_${n}.0`),
    sha256: 'c'.repeat(64),
    rows: ITEMS,
    succeeded: ITEMS - failed,
    failed,
    ran: {
      node,
      startedMs,
      finishedMs,
      cpuMs: (finishedMs - startedMs) * (0.4 + 1.4 * random),
      maxRssBytes: Math.round((0.3 + random) * 1024 ** 3),
    },
  };
  return { ...base, state: 'DONE', win };
}

const specOf = () =>
  ({
    resources: { cpus: 2, memoryBytes: 4 * 1024 ** 3, timeMs: 3_600_000 },
    handler: { kind: 'module', path: '/data/embed.mjs', concurrency: 16, timeoutMs: 60_000 },
  }) as unknown as NonNullable<DashboardSources['spec']>;

function errorsOf(items: number, attempts: number, text: string): ErrorGroups {
  const group = (place: number, title: string, share: number): ErrorGroup => ({
    key: `1a2b3c4d5e6${place}`,
    title,
    items: Math.round(items * share),
    share,
    attempts: place === 1 ? attempts : 0,
    tasks: Math.ceil(items * share * 0.1),
    causes: [
      { cause: 'handler-error', explanation: 'the handler threw', items: Math.round(items * share), attempts: 0 },
    ],
    fingerprints: [{ fingerprint: `1a2b3c4d5e6${place}`, items: Math.round(items * share), attempts: 0 }],
    fingerprintCount: 1,
    firstSeen: new Date(START_MS + 3_600_000).toISOString(),
    lastSeen: new Date(START_MS + 5_400_000).toISOString(),
    nodes: [
      { node: 'n017', items: Math.round(items * share * 0.97), attempts: 0 },
      { node: `n002`, items: Math.round(items * share * 0.03), attempts: 0 },
    ],
    times: [],
    heldBack: null,
    correlations: [
      { kind: 'node', text: '97 % on node n017, which ran 5 % of the items', share: 0.97, expected: 0.05 },
    ],
    sample: {
      task: taskIdOf(12),
      itemId: text,
      itemIndex: 12_034,
      attempt: '4711_12.0',
      node: 'n017',
      errorClass: 'LicenceError',
      message: `${text}\n    at checkOut (/data/embed.mjs:41:11)\n    at default (/data/embed.mjs:12:3)`,
      at: new Date(START_MS + 3_700_000).toISOString(),
      taskState: 'DONE',
      logCommand: "slurmctl logs embed-01jd4x8k9qv3m2w7 --item '#12034'",
      explainCommand: "slurmctl explain embed-01jd4x8k9qv3m2w7 --item '#12034'",
    },
    remedy: {
      advice: 'Find out why node n017 has no licence, then run these items again.',
      command: 'slurmctl retry embed-01jd4x8k9qv3m2w7 --error 1a2b3c4d5e61',
      commandItems: Math.round(items * share),
      rule: place === 1 ? '- when: {error: "no licence"}\n  do: retry' : null,
    },
  });
  return {
    schema: 'slurmctl.error-groups/1',
    jobId: 'embed-01jd4x8k9qv3m2w7',
    name: 'embed-catalogue',
    state: 'COMPLETED_WITH_FAILURES',
    by: 'fingerprint',
    readAt: new Date(START_MS).toISOString(),
    source: 'output',
    failedItems: items,
    failedAttempts: attempts,
    items: 10_000_000,
    unsavedItems: 0,
    groups:
      items + attempts === 0
        ? []
        : [
            group(1, `LicenceError: ${text}`, 0.71),
            group(2, 'TypeError: cannot read <str> of <str>', 0.24),
            group(3, 'timeout-item: one item took longer than <num> s', 0.04),
            group(4, 'RangeError: vector of <num> entries', 0.01),
          ],
    others: null,
    notes: [],
  };
}
