import type { JobSpec } from '../../domain/job-spec.ts';
import type { Efficiency, Panel, Shares } from './document.ts';
import { sharesOf } from './distribution.ts';
import { shareUsed } from '../share-used.ts';
import type { TaskFacts } from './task-facts.ts';

const NO_MEMORY = 'The tasks were committed by an older slurmctl, which did not say how much memory it had.';
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
  const used = tasks.flatMap(({ startedMs, finishedMs, cpuMs, maxRssBytes, needs }) => {
    if (startedMs === null || finishedMs === null || cpuMs === null) return [];
    return shareUsed({ startedMs, finishedMs, cpuMs, maxRssBytes, needs }, resources) ?? [];
  });
  const panel = (shares: readonly number[], missing: string): Panel<Shares> => sharesOf(shares) ?? { missing };
  const worker = (what: string): Panel<Shares> => ({
    missing: `${what} known of the worker alone, and here the work is done by commands that it starts.`,
  });
  const isCommand = handler.kind === 'command';
  return {
    asked: resources,
    cpu: isCommand
      ? worker('CPU time is')
      : panel(
          used.map(({ cpu }) => cpu),
          NOTHING_RAN,
        ),
    time: panel(
      used.map(({ time }) => time),
      NOTHING_RAN,
    ),
    memory: isCommand
      ? worker('Memory is')
      : panel(
          used.flatMap(({ memory }) => memory ?? []),
          used.length === 0 ? NOTHING_RAN : NO_MEMORY,
        ),
  };
}
