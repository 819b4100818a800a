import type { EfficiencyReport, ReportAdvice } from '../../domain/efficiency-report.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import { count, printable, wrap } from './text.ts';
import type { View } from './view.ts';

const LABEL_WIDTH = 12;
const MOST_CAUSES = 4;

/** A line a figure, then what to change. What is there to be copied is never cut. */
export function renderReport(document: EfficiencyReport, view: View): string {
  const { style } = view;
  const { jobId, name, state, advice, missing, notes } = document;
  const fact = ([label, text]: readonly [string, string]): string[] =>
    wrap(view.flagged(text), view.width - LABEL_WIDTH).map(
      (line, index) => `${style.dim((index === 0 ? label : '').padEnd(LABEL_WIDTH))}${line}`,
    );
  const lines = [
    ...fact(['job', name === jobId ? `${jobId} is ${state}` : `${jobId} is ${state}  (${printable(name)})`]),
    ...figures(document).flatMap(fact),
    ...missing.map((sentence) => style.dim(`note: ${sentence}`)),
    ...notes.map((sentence) => style.dim(`note: ${printable(sentence)}`)),
    '',
    ...(advice.length === 0 ? [noAdvice(document)] : advice.flatMap((one) => adviceLines(one, view))),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function figures(document: EfficiencyReport): (readonly [label: string, text: string])[] {
  const { asked, attempts, cpu, memory, time, wait, cost, wasted } = document;
  const running = attempts.running === 0 ? '' : `, ${attempts.running} running`;
  const failed = attempts.failed === 0 ? '' : `, ${attempts.failed} without`;
  return [
    ['attempts', `${attempts.withResult} with a result${failed}${running}, in ${count(attempts.elements, 'element')}`],
    ...(asked === null || cpu === null
      ? []
      : [['CPU', `${share(cpu.share)} of ${count(asked.cpus, 'CPU')} was used`] as const]),
    ...(asked === null || memory === null
      ? []
      : [
          [
            'memory',
            `${formatBytes(memory.mostBytes)} at most (${share(memory.share)} of ${formatBytes(asked.memoryBytes)}), half of the elements below ${formatBytes(memory.p50Bytes)}`,
          ] as const,
        ]),
    ...(asked === null || time === null
      ? []
      : [
          [
            'time',
            `${formatDuration(time.mostMs)} at most (${share(time.share)} of ${formatDuration(asked.timeMs)}); longest task ${formatDuration(time.longestTaskMs)}`,
          ] as const,
        ]),
    ...(wait === null
      ? []
      : [
          [
            'waited',
            `${formatDuration(wait.p50Ms)} for half of the elements, ${formatDuration(wait.mostMs)} at most`,
          ] as const,
        ]),
    ['cost', `${hours(cost.cpuHours)} CPU-hours, ${hours(cost.memoryGibHours)} GiB-hours of memory`],
    ...(wasted.attempts === 0 ? [] : [['wasted', wastedText(wasted)] as const]),
    ...wasted.causes
      .slice(0, MOST_CAUSES)
      .map(
        ({ cause, attempts: ended, ms, explanation }) =>
          ['', `${cause}: ${count(ended, 'attempt')}, ${formatDuration(ms)}, ${explanation}`] as const,
      ),
  ];
}

const wastedText = ({ attempts, cpuHours, share: part }: EfficiencyReport['wasted']): string =>
  `${hours(cpuHours)} CPU-hours (${share(part)}) in ${count(attempts, 'attempt')} without a result`;

function adviceLines({ key, now, line, why, saves, option }: ReportAdvice, { style }: View): string[] {
  const head = key.slice(0, key.indexOf('.'));
  const saved = [
    ...(saves === null || saves.cpuHours < 0.005 ? [] : [`${hours(saves.cpuHours)} CPU-hours`]),
    ...(saves === null || saves.memoryGibHours < 0.005 ? [] : [`${hours(saves.memoryGibHours)} GiB-hours`]),
  ];
  return [
    `${style.bold(key)} is ${now}; in the job file, under ${head}: ${style.good(line)}`,
    `   ${why}${saved.length === 0 ? '' : `. It would have saved ${saved.join(' and ')}`}`,
    `   ${style.dim(`or: slurmctl submit … ${option}`)}`,
  ];
}

const noAdvice = ({ attempts, state }: EfficiencyReport): string =>
  attempts.measured === 0
    ? `too little is known to advise anything (the job is ${state})`
    : 'the requests fit: nothing to change that can be seen from here';

/** `0.4 %`, `37 %`. */
const share = (part: number): string =>
  `${part < 0.1 ? Number((part * 100).toPrecision(2)) : Math.round(part * 100)} %`;

/** `0.02`, `1.5`, `1,234`. */
export const hours = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)));
