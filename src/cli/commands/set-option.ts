import { repeated } from '../define-command.ts';

/** `--set key=value`, for every command that reads a job file. */
export const setOption = repeated<string>(
  'key=value',
  'Override a key of the job file, by dotted path: --set batch.items=50 (repeatable)',
  { parse: (raw) => (/^[^=\s]+=/.test(raw) ? raw : null), expected: 'key=value, such as batch.items=50' },
);
