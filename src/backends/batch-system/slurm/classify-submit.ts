import type { ErrorCode } from '../../../errors/catalogue.ts';

/** What a failed sbatch means for the caller. */
export interface SubmitVerdict {
  readonly code: Extract<ErrorCode, 'BATCH_LIMIT' | 'BATCH_REFUSED' | 'BATCH_UNREACHABLE' | 'BATCH_UNCERTAIN'>;
  /** What Slurm said, on one line. */
  readonly said: string;
  readonly hint?: string;
  /** The user asked for a partition that does not exist. */
  readonly badPartition?: boolean;
}

interface Rule {
  readonly pattern: RegExp;
  readonly code: SubmitVerdict['code'];
  readonly hint?: string;
  readonly badPartition?: boolean;
}

/** sbatch prints this, sleeps, and asks again for minutes: at MaxJobCount, and whenever the controller takes no more for the moment. */
export const SLEEPING = /temporarily unable to accept job, sleeping and retrying/i;

/** The first rule that matches wins: what names the request itself stands before the general sentence that follows it in Slurm's answer. */
const RULES: readonly Rule[] = [
  // The request may have been read by the controller although its answer was lost.
  {
    pattern: /Socket timed out|Zero Bytes were transmitted|Message receive failure|Connection timed out/i,
    code: 'BATCH_UNCERTAIN',
  },
  {
    pattern: /Communication shutdown|Connection reset|Broken pipe|Unexpected message received/i,
    code: 'BATCH_UNCERTAIN',
  },
  { pattern: /Unable to contact slurm controller \((?!connect failure)/i, code: 'BATCH_UNCERTAIN' },
  { pattern: /Unable to contact slurm controller|Connection refused|No route to host/i, code: 'BATCH_UNREACHABLE' },
  {
    pattern:
      /Munge \w+ failed|authentication (?:error|credential)|Unable to resolve|establish a configuration source|fetch_config/i,
    code: 'BATCH_UNREACHABLE',
    hint: 'Slurm is set up incompletely on this host; check munge, SLURM_CONF and the network, or submit from a login node',
  },
  {
    pattern: /invalid partition|Invalid partition name/i,
    code: 'BATCH_REFUSED',
    badPartition: true,
    hint: 'Set slurm.partition to a partition of this cluster',
  },
  {
    pattern: /Invalid account or account\/partition|invalid account/i,
    code: 'BATCH_REFUSED',
    hint: 'Set slurm.account to one of yours: sacctmgr show associations user=$USER format=account,partition',
  },
  {
    pattern: /Invalid qos/i,
    code: 'BATCH_REFUSED',
    hint: 'Set slurm.qos to one you may use: sacctmgr show associations user=$USER format=account,qos',
  },
  {
    pattern: /Invalid job array|array.*(?:exceeds|too large)/i,
    code: 'BATCH_REFUSED',
    hint: 'The array is larger than MaxArraySize allows: scontrol show config | grep MaxArraySize',
  },
  {
    pattern: /Requested time limit is invalid|Invalid --time|WallDuration|time limit exceeds/i,
    code: 'BATCH_REFUSED',
    hint: 'Lower resources.time to what the partition, account and QOS allow',
  },
  {
    pattern:
      /node configuration is not available|Memory specification can ?not be satisfied|CPU count per node can ?not be satisfied/i,
    code: 'BATCH_REFUSED',
    hint: 'No node has that many CPUs or that much memory: lower resources, or choose another slurm.partition (sinfo -o "%P %c %m")',
  },
  {
    pattern:
      /generic resource \(gres\)|Invalid Trackable RESource|feature specification|license specification|reservation is invalid/i,
    code: 'BATCH_REFUSED',
    hint: 'Correct slurm.extra',
  },
  {
    pattern: /(?:unrecognized|invalid|ambiguous) option|option .* requires an argument/i,
    code: 'BATCH_REFUSED',
    hint: 'Correct slurm.extra: sbatch does not know an option',
  },
  {
    pattern: /(?:QOS|Assoc)\w*(?:PerJob|PerNode)\w*Limit/,
    code: 'BATCH_REFUSED',
    hint: 'Lower resources: one element alone exceeds the limit named above',
  },
  { pattern: /(?:QOS|Assoc)\w*Submit\w*Limit/, code: 'BATCH_LIMIT' },
  { pattern: /(?:QOS|Assoc)\w+Limit/, code: 'BATCH_LIMIT' },
  { pattern: /violates accounting\/QOS policy/i, code: 'BATCH_LIMIT' },
  { pattern: /temporarily un(?:able|available)|rate limit|too many/i, code: 'BATCH_LIMIT' },
  {
    pattern: /partition not available|partition configuration not available now|system is in maintenance|draining/i,
    code: 'BATCH_LIMIT',
  },
];

/** Reads the answer of an sbatch that exited without success. Limits are waited out; what the user asked for is not. */
export function classifySubmitFailure(stderr: string, exitCode: number | null): SubmitVerdict {
  const said = sayings(stderr);
  // The last rule word by word over the whole answer, because Slurm spreads it over several lines.
  const rule = RULES.find(({ pattern }) => pattern.test(stderr));
  if (rule !== undefined) {
    const { code, hint, badPartition } = rule;
    return { code, said, ...(hint === undefined ? {} : { hint }), ...(badPartition === true ? { badPartition } : {}) };
  }
  // sbatch names itself when it refuses; anything else (a wrapper that crashed) proves nothing about what happened before.
  if (/^sbatch: |Batch job submission failed/m.test(stderr)) return { code: 'BATCH_REFUSED', said };
  return { code: 'BATCH_UNCERTAIN', said: said === '' ? `exit code ${exitCode ?? 'none'} and no message` : said };
}

/** Slurm's own lines of an answer on one line, without the program's name; all of them when none is Slurm's. */
export function sayings(stderr: string): string {
  const lines = stderr
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const own = lines.filter((line) => /^(?:sbatch|scontrol|squeue|sacct|scancel|sinfo|slurm\w*)\b.*?:? /.test(line));
  return (own.length > 0 ? own : lines)
    .map((line) => line.replace(/^\w+: (?:error: |fatal: )?/, ''))
    .join('; ')
    .slice(0, 500);
}
