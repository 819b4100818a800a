import type { StatusDocument } from '../../app/documents.ts';
import type { ExplainedJob } from '../../app/explain-documents.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import { queueProblem, standstillLines } from './standstill.ts';
import { thatCount } from './explain-attempt.ts';
import { eventSentence } from './decide.ts';
import { avoidedSentence, retriesSentence, waitingResultLines } from './trouble.ts';
import { count, minute, number, printable } from './text.ts';
import type { View } from './view.ts';

/** The story of a job in sections; a section without anything to tell is left out. */
export function jobLines(
  job: ExplainedJob,
  about: Pick<StatusDocument['job'], 'id' | 'state'>,
  { style }: View,
): string[] {
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['asked for', askedLines(job)],
    ['sent', job.waves.map(waveLine)],
    ['people', job.events.map(eventSentence)],
    ['attempts that failed', [...failureLines(job), ...corruptLines(job)]],
    [
      'decided by',
      job.rules.map(({ rule, decision, attempts }) => `${printable(rule)}: ${decision}, ${number(attempts)} ×`),
    ],
    ['nodes of failed attempts', nodeLines(job)],
    [
      job.tasks.running === 0 ? 'why it is not running' : 'why more of it is not running',
      [...standstillLines(job.standstill), ...queueProblem(job)],
    ],
    ['waiting', [...waitingLines(job), ...waitingResultLines(job, about).map(([, line]) => line)]],
    [
      'tasks in trouble',
      job.worst.map(({ task, attempts, state }) => `task ${task}: ${state} after ${count(attempts, 'attempt')}`),
    ],
    ['cost', costLines(job)],
  ];
  return sections.flatMap(([title, lines]) =>
    lines.length === 0 ? [] : [style.dim(title), ...lines.map((line) => `  ${line}`)],
  );
}

function askedLines({ asked, items, tasks, createdAt, finishedAt }: ExplainedJob): string[] {
  const ended = finishedAt === null ? '' : `, ended ${minute(finishedAt)} UTC`;
  const made = `${count(items.total, 'item')} in ${count(tasks.total, 'task')}, submitted ${minute(createdAt)} UTC${ended}`;
  if (asked === null) return [made];
  const { cpus, memoryBytes, timeMs, attempts, partition } = asked;
  const where = partition === null ? '' : ` in partition ${printable(partition)}`;
  return [
    made,
    `each element: ${count(cpus, 'CPU')}, ${formatBytes(memoryBytes)}, ${formatDuration(timeMs)}${where}; ${count(attempts, 'attempt')} a task that count`,
  ];
}

function waveLine({
  wave,
  elements,
  submissions,
  refused,
  memoryBytes,
  timeMs,
  sentAt,
}: ExplainedJob['waves'][number]): string {
  const more = [
    ...(memoryBytes === null ? [] : [formatBytes(memoryBytes)]),
    ...(timeMs === null ? [] : [formatDuration(timeMs)]),
  ];
  const size = more.length === 0 ? '' : ` of ${more.join(' and ')}`;
  const arrays = submissions === 1 ? '' : ` in ${submissions} arrays`;
  const no = refused === 0 ? '' : `, ${number(refused)} refused`;
  return `wave ${wave}: ${count(elements, 'element')}${size}${arrays}${sentAt === null ? ', not accepted yet' : `, ${minute(sentAt)} UTC`}${no}`;
}

const failureLines = ({ failures }: ExplainedJob): string[] =>
  failures.flatMap(({ cause, explanation, attempts, charged, example }) => [
    `${number(attempts)} × ${cause}: ${explanation} (${thatCount(charged, attempts)} against retry.attempts)`,
    `  ${printable(example)}`,
  ]);

const corruptLines = ({ corrupt }: ExplainedJob): string[] =>
  corrupt === null
    ? []
    : [
        `${number(corrupt.results)} × committed, and found corrupt when the output was made: the task was opened again`,
        `  ${printable(corrupt.example)}`,
      ];

const MOST_NODES = 5;
function nodeLines({ nodes, avoidedNodes }: ExplainedJob): string[] {
  const failed = nodes
    .slice(0, MOST_NODES)
    .map(({ node, failedAttempts }) => `${printable(node)} ${number(failedAttempts)} ×`);
  return [
    ...(failed.length === 0 ? [] : [failed.join(', ')]),
    ...avoidedNodes.map((one) => `avoided: ${avoidedSentence(one)}`),
  ];
}

const waitingLines = (job: ExplainedJob): string[] => [
  ...(job.retries.length === 0 ? [] : [retriesSentence(job)]),
  ...job.notes.map(printable),
];

function costLines({ cost, quarantinedItems }: ExplainedJob): string[] {
  const again = cost.attempts - cost.tasks;
  const more = cost.escalations === 0 ? '' : `, ${number(cost.escalations)} × with more memory or time`;
  return [
    `${count(cost.attempts, 'attempt')} for ${count(cost.tasks, 'task')}${again <= 0 ? '' : ` (${number(again)} repeated)`}${more}`,
    ...(quarantinedItems === 0 ? [] : [`${count(quarantinedItems, 'item')} quarantined`]),
  ];
}
