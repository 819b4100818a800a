/** What a job should ask for the next time, from what it used; pure. Every value is one that the job file takes. */
import { counted } from '../../domain/counted.ts';
import type { ReportAdvice } from '../../domain/efficiency-report.ts';
import type { JobAsked } from '../../domain/job-item.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import { quantile } from './quantile.ts';
import type { Usage } from './collect-usage.ts';
import { memoryWords, roomyMemory, roomyTime, timeWords } from '../request-words.ts';

/** A request is worth changing when less than this part of it would do. */
const WORTH_MEMORY = 0.75;
const WORTH_TIME = 0.5;
/** Fewer measured attempts say nothing about the rest. */
const LEAST_MEASURED = 3;
/** Where more of the tasks than this needed more, asking for it at once is cheaper than failing first. */
const OFTEN = 0.1;
const HOUR_MS = 3_600_000;
const GIB = 1024 ** 3;

export interface AdviceFacts {
  readonly asked: JobAsked;
  readonly usage: Usage;
  /** Tasks of the job, and whether it will run no more of them. */
  readonly tasks: number;
  readonly isOver: boolean;
}

/** Most worth first. */
export function adviseRequest(facts: AdviceFacts): ReportAdvice[] {
  const { usage, isOver, tasks } = facts;
  const isEnough = usage.measured >= LEAST_MEASURED || (isOver && usage.measured > 0 && usage.measured === tasks);
  const advice = [moreMemory(facts), moreTime(facts)];
  if (isEnough) advice.push(lessMemory(facts), fewerCpus(facts), lessTime(facts));
  return advice.filter((one) => one !== null);
}

function moreMemory({ asked, usage }: AdviceFacts): ReportAdvice | null {
  const { raised, withResult, wasted } = usage;
  if (raised.memoryBytes <= asked.memoryBytes || raised.tasks < withResult * OFTEN) return null;
  const attempts = wasted.get('oom')?.attempts ?? 0;
  return under('resources', 'memory', {
    now: memoryWords(asked.memoryBytes),
    value: memoryWords(raised.memoryBytes),
    why: whyMore(attempts, 'ran out of memory', formatBytes(raised.memoryBytes)),
    saves: null,
  });
}

function moreTime({ asked, usage }: AdviceFacts): ReportAdvice | null {
  const { raised, withResult, wasted } = usage;
  if (raised.timeMs <= asked.timeMs || raised.tasks < withResult * OFTEN) return null;
  const attempts = wasted.get('time-limit')?.attempts ?? 0;
  return under('resources', 'time', {
    now: timeWords(asked.timeMs),
    value: timeWords(raised.timeMs),
    why: whyMore(attempts, 'reached the time limit', formatDuration(raised.timeMs)),
    saves: null,
  });
}

/** A rule, or a person with `retry --memory`, raises requests also where no attempt failed for want of it. */
function whyMore(attempts: number, failedHow: string, most: string): string {
  const first = attempts === 0 ? '' : `${counted(attempts, 'attempt')} ${failedHow} first, and `;
  return `${first}tasks came to their end with up to ${most}: asking for it at once ${attempts === 0 ? 'needs no second try' : 'spares that'}`;
}

function lessMemory({ asked, usage }: AdviceFacts): ReportAdvice | null {
  if (asked.handler === 'command' || (usage.wasted.get('oom')?.attempts ?? 0) > 0) return null;
  const most = Math.max(0, ...rssOf(usage));
  if (most === 0) return null;
  const wanted = roomyMemory(most);
  if (wanted > asked.memoryBytes * WORTH_MEMORY) return null;
  const spared = ((asked.memoryBytes - wanted) / GIB) * (usage.allMs / HOUR_MS);
  return under('resources', 'memory', {
    now: memoryWords(asked.memoryBytes),
    value: memoryWords(wanted),
    why: `no worker had more than ${formatBytes(most)}; this is a third more, rounded up`,
    saves: { cpuHours: 0, memoryGibHours: spared },
  });
}

function fewerCpus({ asked, usage }: AdviceFacts): ReportAdvice | null {
  if (asked.handler === 'command' || asked.cpus === 1) return null;
  const busiest = quantile(usage.busyCpus, 0.99);
  const wanted = Math.max(1, Math.ceil(busiest * 1.1));
  if (wanted >= asked.cpus) return null;
  return under('resources', 'cpus', {
    now: String(asked.cpus),
    value: String(wanted),
    why: `the busiest workers kept ${busiest.toFixed(1)} CPUs busy`,
    saves: { cpuHours: (asked.cpus - wanted) * (usage.allMs / HOUR_MS), memoryGibHours: 0 },
  });
}

function lessTime({ asked, usage, isOver }: AdviceFacts): ReportAdvice | null {
  // How long elements work is known when they have ended.
  if (!isOver || (usage.wasted.get('time-limit')?.attempts ?? 0) > 0) return null;
  const most = [...usage.elements.values()].reduce((sum, { firstMs, lastMs }) => Math.max(sum, lastMs - firstMs), 0);
  const wanted = roomyTime(most);
  if (wanted > asked.timeMs * WORTH_TIME) return null;
  return under('resources', 'time', {
    now: timeWords(asked.timeMs),
    value: timeWords(wanted),
    why: `no element worked longer than ${formatDuration(most)}; shorter limits fit into gaps of the queue`,
    saves: null,
  });
}

/** The most memory of each element that said. */
export const rssOf = ({ elements }: Pick<Usage, 'elements'>): number[] =>
  [...elements.values()].flatMap(({ maxRssBytes }) => (maxRssBytes === null ? [] : [maxRssBytes]));

const under = (
  head: string,
  key: string,
  advice: Pick<ReportAdvice, 'now' | 'value' | 'why' | 'saves'>,
): ReportAdvice => ({
  key: `${head}.${key}`,
  ...advice,
  line: `${key}: ${advice.value}`,
  option: `--set ${head}.${key}=${advice.value}`,
});
