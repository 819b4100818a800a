import type { BatchHandle } from '../../../ports/batch-system.ts';
import { compressIndices } from './array-range.ts';
import { askQueue } from './query.ts';
import { badAnswer, type SlurmCommands } from './slurm-commands.ts';

/** Slurm reads array expressions into fixed buffers, and each argument of scancel is one request to the controller. */
const LONGEST_EXPRESSION = 2_000;
const MOST_ARGUMENTS = 50;

/** What Slurm says of jobs that have ended or are forgotten: nothing is left to do. */
const GONE = /Invalid job id|already completing or completed|Job has already finished|Job\/step already/i;

const clusterArgs = ({ cluster }: BatchHandle): string[] => (cluster === undefined ? [] : [`--clusters=${cluster}`]);

export async function cancelJob(
  commands: SlurmCommands,
  handle: BatchHandle,
  indices: readonly number[] | undefined,
  ownUid: number,
): Promise<void> {
  if (indices === undefined) return act(commands, ['scancel', ...clusterArgs(handle), handle.id]);
  if (indices.length === 0) return;
  if (indices.length === 1 && indices[0] === 0 && (await isPlain(commands, handle, ownUid))) {
    return act(commands, ['scancel', ...clusterArgs(handle), handle.id]);
  }
  const expressions = compressIndices(indices, LONGEST_EXPRESSION).map((text) => `${handle.id}_[${text}]`);
  for (let at = 0; at < expressions.length; at += MOST_ARGUMENTS) {
    const some = expressions.slice(at, at + MOST_ARGUMENTS);
    for (const expression of some) await leaveWitness(commands, handle, expression);
    await act(commands, ['scancel', ...clusterArgs(handle), ...some]);
  }
}

/**
 * An element that is cancelled while it waits within its array vanishes: neither squeue nor sacct has ever heard of it. A hold gives it a
 * record of its own, which then shows as CANCELLED in both. Elements that cannot be held are running or over, and have one.
 */
async function leaveWitness(commands: SlurmCommands, handle: BatchHandle, expression: string): Promise<void> {
  await commands.tryAsk(['scontrol', ...clusterArgs(handle), 'hold', expression]);
}

/** A plain job has element 0 here and none in Slurm, which ignores a cancel of it silently. */
async function isPlain(commands: SlurmCommands, handle: BatchHandle, ownUid: number): Promise<boolean> {
  const { id, cluster } = handle;
  const rows = await askQueue(commands, {
    by: 'jobs',
    values: [id],
    ownUid,
    ...(cluster === undefined ? {} : { cluster }),
  });
  return rows.some((row) => row.id === id && row.indices === null);
}

/** `uhold`: what `hold` does for an operator or root could not be released by the user, and would not show as the user's. */
export const holdJob = (commands: SlurmCommands, handle: BatchHandle): Promise<void> =>
  act(commands, ['scontrol', ...clusterArgs(handle), 'uhold', handle.id]);

export const releaseJob = (commands: SlurmCommands, handle: BatchHandle): Promise<void> =>
  act(commands, ['scontrol', ...clusterArgs(handle), 'release', handle.id]);

export const throttleJob = (commands: SlurmCommands, handle: BatchHandle, most: number): Promise<void> =>
  act(commands, ['scontrol', ...clusterArgs(handle), 'update', `JobId=${handle.id}`, `ArrayTaskThrottle=${most}`]);

/**
 * `--batch` reaches the script and with it the worker, `--state` spares elements that wait. scancel may exit with an error of one element of an
 * array and without a word, when that element ended meanwhile.
 */
export async function drainJob(commands: SlurmCommands, handle: BatchHandle): Promise<void> {
  const argv = ['scancel', ...clusterArgs(handle), '--batch', '--signal=TERM', '--state=RUNNING', handle.id];
  const { ok, stdout, stderr } = await commands.tryAsk(argv);
  const said = `${stderr}${stdout}`.trim();
  if (!ok && said !== '' && !GONE.test(said)) throw badAnswer(argv, stderr.trim());
}

async function act(commands: SlurmCommands, argv: readonly string[]): Promise<void> {
  const { ok, stdout, stderr } = await commands.tryAsk(argv);
  if (!ok && !GONE.test(stderr + stdout)) throw badAnswer(argv, stderr.trim());
}
