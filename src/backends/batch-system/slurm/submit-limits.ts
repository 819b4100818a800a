/** Most jobs a user may have submitted at once, from the accounting database; every array element counts as one. */
export interface SubmitCap {
  readonly name: string;
  readonly value: number;
}

/**
 * The smallest MaxSubmitJobs of rows of `sacctmgr -n -P show associations format=Account,MaxSubmitJobs,DefaultQOS`. Which account applies is not
 * known here; a chunk that is smaller than need be costs one more sbatch, one that is larger would wait for ever.
 */
export function parseAssociationCap(stdout: string): {
  readonly cap: SubmitCap | null;
  readonly defaultQos: readonly string[];
} {
  const rows = table(stdout, 3);
  return {
    cap: smallest(
      rows.map(([account = '', jobs = '']) => ({ name: `MaxSubmitJobs of account ${account}`, value: Number(jobs) })),
    ),
    defaultQos: [...new Set(rows.map(([, , qos = '']) => qos).filter((qos) => qos !== ''))],
  };
}

/** The smallest per-user cap of the QOS named, from rows of `sacctmgr -n -P show qos format=Name,MaxSubmitJobsPerUser`. */
export function parseQosCap(stdout: string, names: readonly string[]): SubmitCap | null {
  return smallest(
    table(stdout, 2)
      .filter(([name = '']) => names.includes(name))
      .map(([name = '', jobs = '']) => ({ name: `MaxSubmitJobsPerUser of QOS ${name}`, value: Number(jobs) })),
  );
}

function smallest(caps: readonly SubmitCap[]): SubmitCap | null {
  const real = caps.filter(({ value }) => Number.isSafeInteger(value) && value > 0);
  return real.toSorted((a, b) => a.value - b.value)[0] ?? null;
}

const table = (stdout: string, columns: number): string[][] =>
  stdout
    .split(/\r?\n/)
    .map((line) => line.split('|').map((field) => field.trim()))
    .filter((fields) => fields.length === columns);
