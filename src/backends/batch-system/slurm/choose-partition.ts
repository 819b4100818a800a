import { closest, distance } from 'fastest-levenshtein';
import { AppError } from '../../../errors/app-error.ts';
import type { PartitionRow } from './parse-scontrol.ts';

/** The partition asked for, or the default one; null when the cluster has no default. */
export function choosePartition(partitions: readonly PartitionRow[], wanted: string | undefined): PartitionRow | null {
  if (wanted === undefined) return partitions.find(({ isDefault }) => isDefault) ?? null;
  // Slurm takes a list and runs the job where it starts first; the first is as good a guide as any.
  for (const name of wanted.split(',')) {
    if (!partitions.some((partition) => partition.name === name)) throw noSuchPartition(name, partitions);
  }
  return partitions.find(({ name }) => name === wanted.split(',')[0]) ?? null;
}

/** Slurm accepts such a job by default and leaves it waiting for ever with the reason PartitionTimeLimit. */
export function refuseTooLong(partition: PartitionRow, timeMs: number): void {
  if (partition.maxTimeMs === null || timeMs <= partition.maxTimeMs) return;
  throw new AppError('BATCH_REFUSED', {
    message: `resources.time: ${Math.ceil(timeMs / 60_000)} min is more than partition ${partition.name} allows (MaxTime ${partition.maxTimeMs / 60_000} min)`,
    hint: 'Lower resources.time or choose another slurm.partition; where a QOS lifts that limit, say the longer time in slurm.extra (--time=…)',
    details: { partition: partition.name, maxTimeMs: partition.maxTimeMs },
  });
}

/** Likewise with the reason PartitionConfig or MaxMemPerLimit, where the partition gives less memory than its nodes have. */
export function refuseTooBig(
  partition: PartitionRow,
  maxMb: number | null,
  { memoryBytes }: { readonly memoryBytes: number },
): void {
  if (maxMb === null || memoryBytes <= maxMb * 1024 ** 2) return;
  throw new AppError('BATCH_REFUSED', {
    message: `resources.memory: ${Math.ceil(memoryBytes / 1024 ** 2)} MB is more than partition ${partition.name} allows on a node (${maxMb} MB)`,
    hint: 'Lower resources.memory or choose another slurm.partition',
    details: { partition: partition.name, maxMb },
  });
}

/** BATCH_REFUSED naming the partitions there are, and the one that may have been meant. */
export function noSuchPartition(wanted: string, partitions: readonly PartitionRow[], said?: string): AppError {
  const names = partitions.map(({ name }) => name);
  const near = names.length === 0 ? undefined : closest(wanted, names);
  const isNear = near !== undefined && distance(wanted, near) <= Math.max(2, Math.floor(wanted.length / 3));
  return new AppError('BATCH_REFUSED', {
    message: `slurm.partition: this cluster has no partition ${JSON.stringify(wanted)}${said === undefined ? '' : ` (${said})`}`,
    hint: `${isNear ? `Did you mean ${JSON.stringify(near)}? ` : ''}Partitions of this cluster: ${names.length === 0 ? 'none visible' : names.join(', ')}`,
    details: { partition: wanted, partitions: names },
  });
}
