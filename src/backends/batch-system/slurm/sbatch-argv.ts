import { AppError } from '../../../errors/app-error.ts';
import type { SubmitRequest } from '../../../ports/batch-system.ts';

const MIB = 1024 ** 2;
const MINUTE_MS = 60_000;
/** Slurm keeps the warning time of --signal in 16 bits. */
const MOST_WARNING_SEC = 65_535;

/**
 * The exact sbatch command of a request; the script goes to its standard input. The user's `extra` options come last, where sbatch
 * lets them win.
 *
 * `--export=ALL`: handlers count on the modules, conda environments and licences of the shell that submitted; with NONE, Slurm would
 * run a login shell on the node instead, which many sites have broken. A site that wants NONE says so in `slurm.extra`.
 */
export function sbatchArgv(request: SubmitRequest): string[] {
  const { array, resources, slurm, after } = request;
  return [
    'sbatch',
    '--parsable',
    `--job-name=${request.name}`,
    ...(array === undefined ? [] : [arrayOption(array)]),
    `--output=${logPattern(request.logDir, array !== undefined)}`,
    '--open-mode=append',
    `--chdir=${request.cwd}`,
    '--export=ALL',
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${resources.cpus}`,
    // Zero would ask for all memory of the node.
    `--mem=${Math.max(1, Math.ceil(resources.memoryBytes / MIB))}M`,
    `--time=${Math.max(1, Math.ceil(resources.timeMs / MINUTE_MS))}`,
    ...(request.warnBeforeEndSec > 0 ? [signalOption(request.warnBeforeEndSec)] : []),
    request.requeue ? '--requeue' : '--no-requeue',
    ...(after === undefined || after.length === 0
      ? []
      : [`--dependency=afterany:${after.map(({ id }) => id).join(':')}`]),
    ...(request.beginAfterSec === undefined ? [] : [`--begin=now+${Math.ceil(request.beginAfterSec)}`]),
    ...(slurm.partition === undefined ? [] : [`--partition=${slurm.partition}`]),
    ...(slurm.account === undefined ? [] : [`--account=${slurm.account}`]),
    ...(slurm.qos === undefined ? [] : [`--qos=${slurm.qos}`]),
    ...slurm.extra,
    ...(request.exclude === undefined ? [] : excludeOption(request.exclude, slurm.extra)),
  ];
}

/** Last of all and with the user's own, because of several such options sbatch takes the last one. */
function excludeOption(nodes: readonly string[], extra: readonly string[]): string[] {
  const own = extra.flatMap((option, at) => {
    const attached = /^(?:--exclude=|-x)(.+)$/s.exec(option)?.[1];
    const next = option === '-x' || option === '--exclude' ? extra[at + 1] : undefined;
    return attached ?? next ?? [];
  });
  const all = [...own, ...nodes.filter((node) => NODE_NAME.test(node))];
  return all.length === own.length ? [] : [`--exclude=${all.join(',')}`];
}

/** Anything else would be an expression, or not a node. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

function arrayOption(array: NonNullable<SubmitRequest['array']>): string {
  const last = array.count - 1;
  return `--array=0-${last}${array.throttle === undefined ? '' : `%${array.throttle}`}`;
}

const signalOption = (sec: number): string => `--signal=B:USR2@${Math.min(MOST_WARNING_SEC, Math.ceil(sec))}`;

/** `%A_%a` of a plain job would be its id and 4294967294, so it says its index itself. */
function logPattern(logDir: string, isArray: boolean): string {
  if (logDir.includes('\\')) {
    throw new AppError('BATCH_REFUSED', {
      message: `Slurm cannot write logs below ${JSON.stringify(logDir)}: a backslash in the path turns its file name patterns off`,
      hint: 'Use a home directory without a backslash in its path (--home, SLURMCTL_HOME)',
    });
  }
  return `${logDir.replaceAll('%', '%%')}/${isArray ? '%A_%a' : '%j_0'}.out`;
}
