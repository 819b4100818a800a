import type { ResourceSpec, RetrySpec, Tolerance } from '../domain/job-spec.ts';
import type { RetryRule } from '../domain/retry-rules.ts';
import { formatBytes, formatDuration } from '../domain/units.ts';
import type { JobBuild } from './job-build.ts';

/** The `retry` section; problems are gathered in the reader. */
export function buildRetry(build: JobBuild, resources: ResourceSpec): RetrySpec {
  const { reader } = build;
  const items = reader.read('retry.items');
  const attempts = reader.read('retry.attempts');
  const rules = reader.read('retry.rules')?.map((rule) => meant(rule, items, attempts));
  for (const rule of rules ?? []) checkMax(build, rule, resources);
  return {
    items,
    attempts,
    backoff: reader.read('retry.backoff'),
    // Specs without rules keep the hash they had before there were any.
    ...(rules === undefined || rules.length === 0 ? {} : { rules }),
    tolerate: buildTolerance(build),
  };
}

/** Who writes `do: retry` means it, also where `retry.items` would grant an item no further try. */
function meant(rule: RetryRule, items: number, attempts: number): RetryRule {
  const { action } = rule;
  if (action.do !== 'retry' || action.times !== undefined || items >= attempts) return rule;
  return { ...rule, action: { ...action, times: attempts - 1 } };
}

/** A bound that is not above what is asked for at first would make the escalation ask for the same again. */
function checkMax({ reader }: JobBuild, { name, action }: RetryRule, resources: ResourceSpec): void {
  if (action.do !== 'escalate') return;
  const { maxMemoryBytes = Infinity, maxTimeMs = Infinity } = action;
  const at = reader.placeOf('retry.rules');
  const tell = (found: string, key: string, asked: string): undefined =>
    reader.context('retry.rules').problem(`${name}: found max ${found}, expected more than ${key} (${asked})`, { at });
  if (maxMemoryBytes <= resources.memoryBytes)
    tell(formatBytes(maxMemoryBytes), 'resources.memory', formatBytes(resources.memoryBytes));
  if (maxTimeMs <= resources.timeMs)
    tell(formatDuration(maxTimeMs), 'resources.time', formatDuration(resources.timeMs));
}

function buildTolerance({ reader }: JobBuild): Tolerance {
  const count = reader.read('retry.tolerate.items.count');
  const percent = reader.read('retry.tolerate.items.percent');
  const both: Tolerance = { ...(count === undefined ? {} : { count }), ...(percent === undefined ? {} : { percent }) };
  // Without any bound a job would count as successful whatever failed.
  return reader.read('retry.tolerate.items') ?? (count === undefined && percent === undefined ? { count: 0 } : both);
}
