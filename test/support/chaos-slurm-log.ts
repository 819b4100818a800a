import { elementOf, type AttemptId } from '../../src/domain/ids.ts';
import type { Injected } from './chaos-record.ts';

/** A line of slurmctld's log that says that a run of an element is over: `[2026-01-01T10:00:00.123] … JobId=12_3(45) …`. */
const LINE = /^\[([\dT:.-]+)\] .*JobId=(\d+_\d+)\b/;
const OVER = /WTERMSIG|failure of node|node failure|[Rr]equeu|preempted|REQUEST_KILL_JOB/;
/** The log is written by another process than the record of the fault. */
const SLACK_MS = 100;

/** Fills in `slurmMs` of the victims. */
export function findInSlurmLog(text: string, injected: readonly Injected[]): void {
  const ends = new Map<string, number[]>();
  for (const line of text.split('\n')) {
    const [, time, element] = LINE.exec(line) ?? [];
    if (time === undefined || element === undefined || !OVER.test(line)) continue;
    const known = ends.get(element) ?? [];
    ends.set(element, [...known, new Date(time).getTime()]);
  }
  for (const { victims, fromMs } of injected)
    for (const victim of victims) {
      const times = ends.get(elementOf(victim.attempt as AttemptId)) ?? [];
      const first = times.find((ms) => ms >= fromMs - SLACK_MS);
      victim.slurmMs = first === undefined ? null : Math.max(0, first - fromMs);
    }
}
