import { AppError } from '../../../errors/app-error.ts';
import type { BatchHandle, RenderedSubmission, SubmitRequest } from '../../../ports/batch-system.ts';
import type { CommandResult, RunCommand } from '../../shared/run-command.ts';
import { classifySubmitFailure, sayings, SLEEPING, type SubmitVerdict } from './classify-submit.ts';
import { noSuchPartition } from './choose-partition.ts';
import { parseSubmitted } from './parse-sbatch.ts';
import { parsePartitions } from './parse-scontrol.ts';
import { throwIfNotRun, unreachable, type SlurmCommands } from './slurm-commands.ts';
import { slurmEnvironment, type Environment } from './slurm-environment.ts';

/** sbatch answers in milliseconds on an idle controller; a busy one may take its message timeout several times. */
const SUBMIT_DEADLINE_MS = 60_000;

export interface SubmitDeps {
  readonly run: RunCommand;
  readonly env: Environment;
  readonly commands: SlurmCommands;
}

/** @throws BATCH_LIMIT, BATCH_REFUSED, BATCH_UNREACHABLE, BATCH_UNCERTAIN, BATCH_NOT_INSTALLED */
export async function submitToSlurm(
  deps: SubmitDeps,
  request: SubmitRequest,
  rendered: RenderedSubmission,
): Promise<BatchHandle> {
  // sbatch would wait 9 s for a controller that is down, and a kill in between would leave its outcome open.
  const { up, said } = await deps.commands.pingIfSilent();
  if (!up) throw unreachable(['scontrol', 'ping'], said);
  const result = await deps.run({
    argv: rendered.argv,
    env: slurmEnvironment(deps.env),
    input: rendered.script,
    deadlineMs: SUBMIT_DEADLINE_MS,
    stopOn: SLEEPING,
  });
  if (result.ended !== 'exited' || result.exitCode !== 0) deps.commands.noteFailure();
  if (result.ended !== 'exited') throw notEnded(request, rendered, result);
  const handle = parseSubmitted(result.stdout);
  if (result.exitCode === 0 && handle !== null) {
    deps.commands.noteAnswer();
    return handle;
  }
  if (result.exitCode === 0)
    throw uncertain(request, `sbatch succeeded without a job id in its output: ${cut(result.stdout)}`);
  if (handle !== null) throw uncertain(request, `sbatch printed a job id and failed: ${sayings(result.stderr)}`);
  throw await refused(deps, request, classifySubmitFailure(result.stderr, result.exitCode));
}

function notEnded(request: SubmitRequest, rendered: RenderedSubmission, result: CommandResult): AppError {
  if (result.ended === 'not-found' || result.ended === 'not-started') throwIfNotRun(rendered.argv, result);
  // We killed it; whether its last request got through is not for us to guess.
  if (result.ended === 'stopped') return uncertain(request, sayings(result.stderr));
  return uncertain(request, `sbatch gave no answer within ${SUBMIT_DEADLINE_MS / 1000} s: ${sayings(result.stderr)}`);
}

async function refused(deps: SubmitDeps, request: SubmitRequest, verdict: SubmitVerdict): Promise<AppError> {
  if (verdict.badPartition === true) {
    const wanted = request.slurm.partition ?? wantedByExtra(request.slurm.extra) ?? '';
    return noSuchPartition(wanted, await partitionsOf(deps.commands), verdict.said);
  }
  return new AppError(verdict.code, {
    message: `Slurm did not accept submission ${request.name}: ${verdict.said}`,
    ...(verdict.hint === undefined ? {} : { hint: verdict.hint }),
    details: { said: verdict.said },
  });
}

async function partitionsOf(commands: SlurmCommands) {
  const { stdout } = await commands.tryAsk(['scontrol', '-o', 'show', 'partition']);
  return parsePartitions(stdout);
}

/** The partition of `--partition=x`, `-p x` or `-px` among the user's own options. */
function wantedByExtra(extra: readonly string[]): string | undefined {
  const at = extra.findLastIndex((option) => option.startsWith('-p') || option.startsWith('--partition'));
  const option = extra[at];
  if (option === undefined) return undefined;
  return option === '-p' || option === '--partition' ? extra[at + 1] : option.replace(/^(?:--partition=|-p)/, '');
}

const uncertain = (request: SubmitRequest, what: string): AppError =>
  new AppError('BATCH_UNCERTAIN', { message: `submission ${request.name} may or may not have been accepted: ${what}` });

const cut = (text: string): string => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
