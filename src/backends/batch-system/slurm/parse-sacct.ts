import { expandIndices } from './array-range.ts';
import { exitOfAccounting } from './exit-status.ts';
import { isSaid, type QueueRow } from './parse-squeue.ts';

/** Fields asked of sacct: JobID, because JobIDRaw is never `id_index`; no Restarts, which releases before 23.11 do not know. */
export const SACCT_FIELDS = 'JobID,State,ExitCode,NodeList,Reason,ElapsedRaw,JobName';
const FIELD_COUNT = SACCT_FIELDS.split(',').length;

/** Rows of `sacct -n -P -X -o SACCT_FIELDS`. Lines of any other shape (site banners, warnings, job steps) are passed over. */
export function parseSacct(stdout: string): QueueRow[] {
  return stdout.split(/\r?\n/).flatMap((line) => {
    const row = parseLine(line);
    return row === null ? [] : [row];
  });
}

function parseLine(line: string): QueueRow | null {
  const fields = line.split('|').map((field) => field.trim());
  if (fields.length < FIELD_COUNT) return null;
  const [job = '', state = '', exit = '', node = '', reason = '', elapsedSec = ''] = fields;
  const match = /^(\d{1,20})(?:_(\S+))?$/.exec(job);
  const id = match?.[1];
  if (id === undefined || !/^[A-Z]/.test(state)) return null;
  const task = match?.[2];
  return {
    id,
    indices: task === undefined ? null : (expandIndices(task) ?? 'cut'),
    state,
    exit: exitOfAccounting(exit),
    ...(isSaid(node) ? { node } : {}),
    ...(/^\d{1,9}$/.test(elapsedSec) ? { ranMs: Number(elapsedSec) * 1_000 } : {}),
    ...(isSaid(reason) ? { reason } : {}),
    name: fields.slice(FIELD_COUNT - 1).join('|'),
  };
}
