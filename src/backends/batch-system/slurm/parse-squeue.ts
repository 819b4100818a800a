import { expandIndices } from './array-range.ts';
import { parseSlurmTimeMs } from './parse-scontrol.ts';
import { exitOfQueue, type ExitStatus } from './exit-status.ts';

/**
 * Fields asked of squeue. A separator without a size makes squeue print each in full; names come last because only they are free text.
 */
const FIELDS = [
  'ArrayJobID',
  'ArrayTaskID',
  'State',
  'exit_code',
  'RestartCnt',
  'NodeList',
  'Reason',
  'TimeUsed',
  'Name',
];
export const SQUEUE_FORMAT = FIELDS.map((field) => `${field}:|`).join(',');

export interface QueueRow {
  /** Id of the array, or of the plain job. */
  readonly id: string;
  /** Indices this row stands for; null for a plain job, `cut` when the expression is cut off and stands for some that are not known. */
  readonly indices: readonly number[] | null | 'cut';
  readonly state: string;
  readonly exit: ExitStatus;
  readonly restarts?: number;
  readonly node?: string;
  /** How long its last run took, or is taking. */
  readonly ranMs?: number;
  readonly reason?: string;
  readonly name: string;
}

/** Rows of `squeue -h -O SQUEUE_FORMAT`. Lines of any other shape (site banners, warnings) are passed over. */
export function parseSqueue(stdout: string): QueueRow[] {
  return stdout.split(/\r?\n/).flatMap((line) => {
    const row = parseLine(line);
    return row === null ? [] : [row];
  });
}

function parseLine(line: string): QueueRow | null {
  const fields = line.split('|').map((field) => field.trim());
  if (fields.length < FIELDS.length) return null;
  const [id = '', task = '', state = '', exit = '', restarts = '', node = '', reason = '', used = ''] = fields;
  if (!/^\d{1,20}$/.test(id) || !/^[A-Z]/.test(state)) return null;
  // The last separator ends the line; anything between is the name, whatever it holds.
  const name = fields.slice(FIELDS.length - 1, Math.max(FIELDS.length, fields.length - 1)).join('|');
  const ranMs = parseSlurmTimeMs(used);
  const indices = task === 'N/A' || task === '' ? null : (expandIndices(task) ?? 'cut');
  return {
    id,
    indices,
    state,
    exit: exitOfQueue(exit),
    ...(/^\d{1,6}$/.test(restarts) ? { restarts: Number(restarts) } : {}),
    ...(isSaid(node) ? { node } : {}),
    ...(ranMs === null ? {} : { ranMs }),
    ...(isSaid(reason) ? { reason } : {}),
    name,
  };
}

/** False for the ways Slurm prints nothing. */
export const isSaid = (text: string): boolean =>
  !['', 'None', '(null)', 'N/A', 'None assigned', 'Unknown'].includes(text);
