import type { JobSpec, ResourceSpec, SlurmSpec } from '../domain/job-spec.ts';
import { MAX_TASKS } from '../domain/ids.ts';
import { DEFAULT_LOGS, type LogSpec } from '../domain/log-line.ts';
import type { OutputSpec } from '../domain/output-columns.ts';
import { formatBytes, formatDuration } from '../domain/units.ts';
import { buildAlerts } from './build-alerts.ts';
import { buildHandler } from './build-handler.ts';
import { buildInput } from './build-input.ts';
import { buildLimits } from './build-limits.ts';
import { buildRetry } from './build-retry.ts';
import { gridSize } from './grid-type.ts';
import type { JobBuild } from './job-build.ts';

/** The whole spec; undefined when any part of it has problems, which are gathered in the reader. Reads every key exactly once. */
export function buildSpec(build: JobBuild, defaultName: string): JobSpec | undefined {
  const { reader, baseDir } = build;
  const name = reader.read('name') ?? defaultName;
  const input = buildInput(build);
  const batch = { items: reader.read('batch.items'), bytes: reader.read('batch.bytes') };
  const resources: ResourceSpec = {
    cpus: reader.read('resources.cpus'),
    memoryBytes: reader.read('resources.memory'),
    timeMs: reader.read('resources.time'),
  };
  const handler = buildHandler(build, resources);
  const rest = {
    slurm: buildSlurm(build),
    retry: buildRetry(build, resources),
    checkpoint: { everyMs: reader.read('checkpoint.every') },
    ...buildLimits(build, handler),
    output: buildOutput(build),
    ...buildLogs(build),
    ...buildAlerts(build),
  };
  if (batch.bytes >= resources.memoryBytes) {
    const message = `found ${formatBytes(batch.bytes)} a task, expected less than resources.memory (${formatBytes(resources.memoryBytes)})`;
    reader.context('batch.bytes').problem(message, { at: reader.placeOf('batch.bytes') });
  }
  if (input?.kind === 'grid' && gridSize(input.axes) / batch.items > MAX_TASKS) {
    const message = `found ${batch.items} for a grid of ${gridSize(input.axes)} items, expected at most ${MAX_TASKS} tasks`;
    reader.context('batch.items').problem(message, { at: reader.placeOf('batch.items'), hint: 'Raise batch.items' });
  }
  if (input === undefined || handler === undefined) return undefined;
  return { name, baseDir, input, batch, handler, resources, ...rest };
}

/** Things that are allowed and probably not meant. */
export function unlikely(spec: JobSpec): { readonly key: string; readonly message: string }[] {
  const { checkpoint, resources } = spec;
  if (checkpoint.everyMs < resources.timeMs) return [];
  const message = `found ${formatDuration(checkpoint.everyMs)}, not less than resources.time (${formatDuration(resources.timeMs)}): no checkpoint would be taken in time`;
  return [{ key: 'checkpoint.every', message }];
}

function buildSlurm({ reader }: JobBuild): SlurmSpec {
  const partition = reader.read('slurm.partition');
  const account = reader.read('slurm.account');
  const qos = reader.read('slurm.qos');
  const throttle = reader.read('slurm.throttle');
  return {
    ...(partition === undefined ? {} : { partition }),
    ...(account === undefined ? {} : { account }),
    ...(qos === undefined ? {} : { qos }),
    elements: reader.read('slurm.elements'),
    ...(throttle === undefined ? {} : { throttle }),
    extra: reader.read('slurm.extra') ?? [],
  };
}

/** The defaults are left out: manifests of versions that knew no such keys mean the same. */
function buildLogs({ reader }: JobBuild): { readonly logs?: LogSpec } {
  const logs = {
    level: reader.read('logs.level'),
    bytes: reader.read('logs.size'),
    itemBytes: reader.read('logs.item'),
  };
  const isDefault =
    logs.level === DEFAULT_LOGS.level && logs.bytes === DEFAULT_LOGS.bytes && logs.itemBytes === DEFAULT_LOGS.itemBytes;
  return isDefault ? {} : { logs };
}

function buildOutput({ reader }: JobBuild): OutputSpec {
  const mode = reader.read('output');
  const columns = reader.read('output.columns');
  return columns === undefined ? { mode } : { mode: 'columns', columns };
}
