/** How a batch script ended. Absent fields are not known. */
export interface ExitStatus {
  readonly exitCode?: number;
  readonly signal?: number;
}

/**
 * The exit_code of squeue: the wait status of the script as one number (35072 is exit 137, 9 is signal 9), which later releases
 * may print as `code:signal`. Unlike sacct it keeps exit codes above 127.
 */
export function exitOfQueue(text: string): ExitStatus {
  const trimmed = text.trim();
  if (!/^\d{1,10}$/.test(trimmed)) return exitOfAccounting(trimmed);
  const status = Number(trimmed);
  if (status > 0xffff) return {};
  return withSignal(status >> 8, status & 0x7f);
}

/** The ExitCode of sacct, `code:signal`. It takes 128 off higher codes, so that `9:0` may be exit 9 or exit 137. */
export function exitOfAccounting(text: string): ExitStatus {
  const match = /^(\d{1,5}):(\d{1,3})$/.exec(text.trim());
  return match === null ? {} : withSignal(Number(match[1]), Number(match[2]));
}

const withSignal = (exitCode: number, signal: number): ExitStatus => (signal === 0 ? { exitCode } : { signal });
