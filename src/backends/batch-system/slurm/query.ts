import { AppError } from '../../../errors/app-error.ts';
import type { BatchHandle } from '../../../ports/batch-system.ts';
import { parseSacct, SACCT_FIELDS } from './parse-sacct.ts';
import { parseSqueue, SQUEUE_FORMAT, type QueueRow } from './parse-squeue.ts';
import { badAnswer, type SlurmCommands } from './slurm-commands.ts';

/** Above this many ids or names, one query for all jobs of the user is shorter than a list that may not fit an argument. */
const MOST_LISTED = 1_000;

/** Which jobs: by id, by name, and on which cluster. */
export interface JobSelection {
  readonly by: 'jobs' | 'name';
  readonly values: readonly string[];
  readonly cluster?: string;
  readonly ownUid: number;
}

const selectionArgs = ({ by, values, ownUid, cluster }: JobSelection, listOption: string): string[] => [
  ...(values.length > MOST_LISTED ? [`--user=${ownUid}`] : [`${listOption}=${values.join(',')}`]),
  ...(by === 'name' && values.length <= MOST_LISTED ? [`--user=${ownUid}`] : []),
  ...(cluster === undefined ? [] : [`--clusters=${cluster}`]),
];

/** What the controller knows: everything alive, and what ended within MinJobAge. @throws BATCH_UNREACHABLE, BATCH_BAD_ANSWER */
export async function askQueue(commands: SlurmCommands, selection: JobSelection): Promise<QueueRow[]> {
  const argv = ['squeue', '-h', '-t', 'all', ...selectionArgs(selection, `--${selection.by}`), '-O', SQUEUE_FORMAT];
  const { ok, stdout, stderr } = await commands.tryAsk(argv);
  // The answer to a single id that the controller has forgotten, or never knew.
  if (!ok && !/Invalid job id/i.test(stderr)) throw badAnswer(argv, stderr.trim());
  return parseSqueue(stdout);
}

/** Everything of the user that waits or runs, on the cluster of this host. @throws BATCH_UNREACHABLE, BATCH_BAD_ANSWER */
export const askWholeQueue = async (commands: SlurmCommands, ownUid: number): Promise<QueueRow[]> =>
  parseSqueue(await commands.ask(['squeue', '-h', `--user=${ownUid}`, '-O', SQUEUE_FORMAT]));

/**
 * What the accounting database knows since `ageMs` ago; null when the site has no accounting. Asked by name it leaves out jobs that
 * never became eligible (held, or waiting for a dependency): those still waiting are in the queue, the others never ran.
 * @throws BATCH_UNREACHABLE, BATCH_BAD_ANSWER, BATCH_NOT_INSTALLED
 */
export async function askAccounting(
  commands: SlurmCommands,
  selection: JobSelection,
  ageMs: number,
): Promise<QueueRow[] | null> {
  // Relative, so that neither time zones nor the clocks of two hosts come in.
  const since = `now-${Math.max(1, Math.ceil(ageMs / 3_600_000)) + 1}hours`;
  const selected = selectionArgs(selection, `--${selection.by}`);
  const argv = ['sacct', '-n', '-P', '-X', '-S', since, ...selected, '-o', SACCT_FIELDS];
  const { ok, stdout, stderr } = await commands.tryAsk(argv);
  if (!ok && /accounting storage is disabled/i.test(stderr + stdout)) return null;
  if (!ok) throw badAnswer(argv, stderr.trim());
  return parseSacct(stdout);
}

/** The same, where its silence is no answer to anything: not being able to ask counts as not knowing. */
export async function tryAccounting(
  commands: SlurmCommands,
  selection: JobSelection,
  ageMs: number,
): Promise<QueueRow[]> {
  try {
    return (await askAccounting(commands, selection, ageMs)) ?? [];
  } catch (error) {
    if (error instanceof AppError) return [];
    throw error;
  }
}

/** Handles by the cluster they name, because one query speaks to one cluster. Nearly always there is one group. */
export function byCluster<T extends BatchHandle>(handles: readonly T[]): [string | undefined, T[]][] {
  const groups = new Map<string | undefined, T[]>();
  for (const handle of handles) groups.set(handle.cluster, [...(groups.get(handle.cluster) ?? []), handle]);
  return [...groups];
}
