import type { JobSpec } from '../../domain/job-spec.ts';
import type { Efficiency, Panel, Shares } from './document.ts';
import { sharesOf } from './distribution.ts';
import type { TaskFacts } from './task-facts.ts';

const NOTHING_RAN = 'No attempt with a result is known with its beginning, its end and its CPU time.';

/** What attempts with a result used of what was requested, as far as that is stored; pure. */
export function efficiencyOf(
  tasks: readonly TaskFacts[],
  spec: Pick<JobSpec, 'resources' | 'handler'> | null,
): Efficiency {
  if (spec === null) {
    const missing = 'What the job asks for cannot be read.';
    return { asked: null, cpu: { missing }, time: { missing }, memory: { missing } };
  }
  const { resources, handler } = spec;
  const ran = tasks.flatMap(({ startedMs, finishedMs, cpuMs }) =>
    startedMs === null || finishedMs === null || finishedMs <= startedMs || cpuMs === null
      ? []
      : [{ ms: finishedMs - startedMs, cpuMs }],
  );
  const panel = (shares: readonly number[]): Panel<Shares> => sharesOf(shares) ?? { missing: NOTHING_RAN };
  return {
    asked: resources,
    cpu:
      handler.kind === 'command'
        ? { missing: 'CPU time is known of the worker alone, and here the work is done by commands that it starts.' }
        : panel(ran.map(({ ms, cpuMs }) => cpuMs / (ms * resources.cpus))),
    time: panel(ran.map(({ ms }) => ms / resources.timeMs)),
    memory: { missing: 'How much memory an attempt used is not stored.' },
  };
}
