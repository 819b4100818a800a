import { userInfo } from 'node:os';
import type { ResourceSpec } from '../../../domain/job-spec.ts';
import { AppError } from '../../../errors/app-error.ts';
import type { BatchLimits, BatchSystem } from '../../../ports/batch-system.ts';
import { choosePartition, refuseTooBig, refuseTooLong } from './choose-partition.ts';
import {
  parseConfig,
  parseNodes,
  parseMemoryMb,
  parsePartitions,
  SINFO_FORMAT,
  type NodeRow,
  type PartitionRow,
} from './parse-scontrol.ts';
import { badAnswer, type SlurmCommands } from './slurm-commands.ts';
import { parseAssociationCap, parseQosCap, type SubmitCap } from './submit-limits.ts';

type Source = BatchLimits['sources'][number];

const CONFIG = ['scontrol', 'show', 'config'];
const PARTITIONS = ['scontrol', '-o', 'show', 'partition'];
const MIB = 1024 ** 2;

/** The site's limits for elements of one size. @throws BATCH_REFUSED for a partition that does not exist, or in which such an element could never start */
export async function readLimits(
  commands: Pick<SlurmCommands, 'ask'>,
  request: Parameters<BatchSystem['limits']>[0],
): Promise<BatchLimits> {
  const config = parseConfig(await commands.ask(CONFIG));
  const sizes = await arraySize(commands, config);
  const partition = choosePartition(parsePartitions(await commands.ask(PARTITIONS)), request.partition);
  if (partition !== null) refuseTooLong(partition, request.resources.timeMs);
  const sources: Source[] = [...sizes.sources];
  const version = config.get('SLURM_VERSION');
  if (version !== undefined) sources.unshift({ name: 'Slurm version', value: version, from: 'scontrol show config' });
  if (partition === null)
    return { maxArraySize: sizes.maxArraySize, slots: null, maxTimeMs: null, maxMemoryBytes: null, sources };
  const nodes = parseNodes(await commands.ask(['sinfo', '-h', '-N', '-p', partition.name, '-O', SINFO_FORMAT]));
  const slots = slotsOf(allowed(nodes, request.exclude ?? []), partition.name, request.resources);
  const memory = largestMemory(nodes, { ...partition, maxMemoryMb: memoryLimit(config, partition) });
  refuseTooBig(partition, memory?.mb ?? null, request.resources);
  return {
    maxArraySize: sizes.maxArraySize,
    slots,
    maxTimeMs: partition.maxTimeMs,
    maxMemoryBytes: memory === null ? null : memory.mb * MIB,
    sources: [
      ...sources,
      {
        name: 'partition',
        value: partition.name,
        from: request.partition === undefined ? 'the default of the cluster' : 'slurm.partition',
      },
      { name: 'slots', value: slots === null ? 'unknown' : String(slots), from: `sinfo -p ${partition.name}` },
      {
        name: 'MaxTime',
        value: partition.maxTimeMs === null ? 'unlimited' : `${partition.maxTimeMs / 60_000} min`,
        from: `scontrol show partition ${partition.name}`,
      },
      {
        name: 'largest memory',
        value: memory === null ? 'unknown' : `${memory.mb} MB`,
        from: memory?.from ?? `sinfo -p ${partition.name}`,
      },
    ],
  };
}

/** Of Slurm, such as 22.05.8. @throws BATCH_UNREACHABLE, BATCH_BAD_ANSWER */
export async function readVersion(commands: Pick<SlurmCommands, 'ask'>): Promise<string | undefined> {
  const said = parseConfig(await commands.ask(CONFIG)).get('SLURM_VERSION') ?? '';
  return /\d+\.\d+(?:\.\d+)*/.exec(said)?.[0];
}

/** MaxMemPerNode of the partition, which outranks that of the cluster. */
const memoryLimit = (config: ReadonlyMap<string, string>, { maxMemoryMb }: PartitionRow): number | null =>
  maxMemoryMb ?? parseMemoryMb(config.get('MaxMemPerNode'));

/** What one element may ask for at most: the memory of the largest node, also of one that is down, or the partition's limit below it. */
function largestMemory(
  nodes: readonly NodeRow[],
  { name, maxMemoryMb }: PartitionRow,
): { readonly mb: number; readonly from: string } | null {
  const limit = maxMemoryMb === null ? null : { mb: maxMemoryMb, from: `scontrol show partition ${name}` };
  if (nodes.length === 0) return limit;
  const mb = Math.max(...nodes.map(({ memoryMb }) => memoryMb));
  return limit !== null && limit.mb < mb ? limit : { mb, from: `sinfo -p ${name}` };
}

/** The smallest of what bounds one array: an array above MaxJobCount or a submit limit would never be accepted, however long one waits. */
async function arraySize(
  commands: Pick<SlurmCommands, 'ask'>,
  config: ReadonlyMap<string, string>,
): Promise<{ maxArraySize: number; sources: Source[] }> {
  const number = (key: string) => (/^\d{1,9}$/.test(config.get(key) ?? '') ? Number(config.get(key)) : null);
  const maxArraySize = number('MaxArraySize');
  if (maxArraySize === null) throw badAnswer(CONFIG, 'no MaxArraySize in its output');
  const bounds: { value: number; source: Source }[] = [
    bound('MaxArraySize', maxArraySize, 'scontrol show config'),
    ...(number('MaxJobCount') === null
      ? []
      : [bound('MaxJobCount', number('MaxJobCount') as number, 'scontrol show config')]),
    ...(await submitCaps(commands, config)).map(({ name, value }) => bound(name, value, 'sacctmgr')),
  ];
  return {
    maxArraySize: Math.max(1, Math.min(...bounds.map(({ value }) => value))),
    sources: bounds.map(({ source }) => source),
  };
}

const bound = (name: string, value: number, from: string) => ({ value, source: { name, value: String(value), from } });

/** Best effort: a site where users may not ask the database still has its answers to sbatch, which are waited out. */
async function submitCaps(
  commands: Pick<SlurmCommands, 'ask'>,
  config: ReadonlyMap<string, string>,
): Promise<SubmitCap[]> {
  const user = ownName();
  if (user === null || !/limits|qos|safe|all/.test(config.get('AccountingStorageEnforce') ?? '')) return [];
  const cluster = config.get('ClusterName') ?? '';
  try {
    const where = [`user=${user}`, ...(cluster === '' ? [] : [`cluster=${cluster}`])];
    const associations = parseAssociationCap(
      await commands.ask([
        'sacctmgr',
        '-n',
        '-P',
        'show',
        'associations',
        ...where,
        'format=Account,MaxSubmitJobs,DefaultQOS',
      ]),
    );
    const names = associations.defaultQos.length > 0 ? associations.defaultQos : ['normal'];
    const qos = parseQosCap(
      await commands.ask(['sacctmgr', '-n', '-P', 'show', 'qos', 'format=Name,MaxSubmitJobsPerUser']),
      names,
    );
    return [associations.cap, qos].filter((cap) => cap !== null);
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}

/** Null for a user the node has no name for. */
function ownName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

/** The nodes that are not excluded. @throws BATCH_REFUSED when none of them can be used at the moment */
function allowed(nodes: readonly NodeRow[], exclude: readonly string[]): readonly NodeRow[] {
  const left = nodes.filter(({ name }) => !exclude.includes(name));
  if (left.length === nodes.length || left.some(({ usable }) => usable)) return left;
  throw new AppError('BATCH_REFUSED', {
    message: `no node can be used but those to be avoided (${exclude.join(', ')})`,
  });
}

function slotsOf(nodes: readonly NodeRow[], partition: string, resources: ResourceSpec): number | null {
  if (nodes.length === 0) return null;
  const memoryMb = Math.max(1, Math.ceil(resources.memoryBytes / MIB));
  const fits = (node: NodeRow) =>
    Math.min(Math.floor(node.cpus / resources.cpus), Math.floor(node.memoryMb / memoryMb));
  if (nodes.every((node) => fits(node) < 1)) {
    const most = (size: (node: NodeRow) => number) => Math.max(...nodes.map(size));
    throw new AppError('BATCH_REFUSED', {
      message: `resources: no node of partition ${partition} has ${resources.cpus} CPUs and ${memoryMb} MB for one element; its largest have ${most(({ cpus }) => cpus)} CPUs and ${most((node) => node.memoryMb)} MB`,
      hint: 'Lower resources.cpus or resources.memory, or choose another slurm.partition',
    });
  }
  const usable = nodes.filter((node) => node.usable);
  return usable.reduce((sum, node) => sum + fits(node), 0) || null;
}
