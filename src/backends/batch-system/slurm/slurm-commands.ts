import { AppError } from '../../../errors/app-error.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { CommandResult, RunCommand } from '../../shared/run-command.ts';
import { sayings } from './classify-submit.ts';
import { queryEnvironment, type Environment } from './slurm-environment.ts';

/** Longest wait for a command that only asks, or changes something that may be repeated. */
const ASK_DEADLINE_MS = 45_000;
/** A command that is still waiting after this is asked after with a ping: with the controller down it would wait 9 to 18 s by itself. */
const SUSPICION_MS = 1_500;
/** Two of Slurm's own message timeouts. */
const PING_DEADLINE_MS = 20_000;

/** A controller that has answered within this time is taken to be up: each question is work for it. */
const MOMENT_MS = 10_000;
/** Who asks the controller, and no database. */
const CONTROLLER_COMMANDS = new Set(['squeue', 'scontrol', 'sinfo', 'scancel']);

const UNREACHABLE =
  /Unable to contact slurm controller|Socket timed out|Connection refused|Zero Bytes|Unexpected message received|Protocol authentication|Munge \w+ failed|fetch_config|configuration source|No route to host|Unable to resolve|Connection reset|Connection timed out/i;

export interface SlurmCommands {
  /** Runs to success. @throws BATCH_UNREACHABLE, BATCH_NOT_INSTALLED, BATCH_BAD_ANSWER */
  ask(argv: readonly string[]): Promise<string>;
  /** The same, but an exit code is the caller's to judge. @throws BATCH_UNREACHABLE (also by what it said), BATCH_NOT_INSTALLED */
  tryAsk(argv: readonly string[]): Promise<{ readonly ok: boolean; readonly stdout: string; readonly stderr: string }>;
  /** `scontrol ping`. */
  ping(): Promise<{ readonly up: boolean; readonly said: string }>;
  /** `ping`, unless the controller has answered something a moment ago and no command has failed since. */
  pingIfSilent(): Promise<{ readonly up: boolean; readonly said: string }>;
  /** The controller has answered. */
  noteAnswer(): void;
  /** A command that asks the controller has failed, for whatever reason. */
  noteFailure(): void;
}

export function createSlurmCommands(options: {
  readonly run: RunCommand;
  readonly env: Environment;
  readonly clock: Clock;
}): SlurmCommands {
  const { run, clock } = options;
  const env = queryEnvironment(options.env);
  let answeredMs = -Infinity;
  const noteAnswer = (): void => void (answeredMs = clock.monotonicMs());
  const noteFailure = (): void => void (answeredMs = -Infinity);

  async function ping(): Promise<{ up: boolean; said: string }> {
    const result = await run({ argv: ['scontrol', 'ping'], env, deadlineMs: PING_DEADLINE_MS });
    if (result.ended !== 'exited') throwIfNotRun(['scontrol', 'ping'], result);
    // One line a controller; a primary that is down with a backup that is up is a cluster that works.
    const up = /\bis UP\b/.test(result.stdout);
    (up ? noteAnswer : noteFailure)();
    return { up, said: pingSaid(result) };
  }

  async function tryAsk(argv: readonly string[]) {
    const abort = new AbortController();
    let down: string | null = null;
    const cancel = clock.after(SUSPICION_MS, () => {
      ping().then(
        ({ up, said }) => {
          if (up) return;
          down = said;
          abort.abort();
        },
        // The command itself runs into the same thing and says so.
        () => undefined,
      );
    });
    const result = await run({ argv, env, deadlineMs: ASK_DEADLINE_MS, signal: abort.signal });
    cancel();
    const isController = CONTROLLER_COMMANDS.has(argv[0] ?? '');
    const ok = result.ended === 'exited' && result.exitCode === 0;
    if (isController) (ok ? noteAnswer : noteFailure)();
    if (down !== null && result.ended === 'stopped') throw unreachable(argv, down);
    throwIfNotRun(argv, result);
    if (!ok && UNREACHABLE.test(result.stderr + result.stdout)) throw unreachable(argv, sayings(result.stderr));
    return { ok, stdout: result.stdout, stderr: result.stderr };
  }

  async function ask(argv: readonly string[]): Promise<string> {
    const { ok, stdout, stderr } = await tryAsk(argv);
    if (!ok) throw badAnswer(argv, sayings(stderr));
    return stdout;
  }

  const pingIfSilent: SlurmCommands['pingIfSilent'] = async () =>
    clock.monotonicMs() - answeredMs < MOMENT_MS ? { up: true, said: 'it has just answered' } : ping();

  return { ask, tryAsk, ping, pingIfSilent, noteAnswer, noteFailure };
}

function pingSaid(result: CommandResult): string {
  const lines = result.stdout.split(/\r?\n/).filter((line) => /\bis (?:UP|DOWN)\b/.test(line));
  return lines.length > 0
    ? lines.map((line) => line.trim()).join('; ')
    : sayings(result.stderr) || 'scontrol ping said nothing';
}

export function unreachable(argv: readonly string[], said: string): AppError {
  return new AppError('BATCH_UNREACHABLE', {
    message: `Slurm does not answer ${shown(argv)}: ${said === '' ? 'no message' : said}`,
  });
}

export function badAnswer(argv: readonly string[], said: string): AppError {
  return new AppError('BATCH_BAD_ANSWER', { message: `${shown(argv)} failed: ${said === '' ? 'no message' : said}` });
}

/** Why the system refuses to start any program just then. */
const SHORT_OF = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Throws unless the command ended by itself. */
export function throwIfNotRun(argv: readonly string[], result: CommandResult): void {
  switch (result.ended) {
    case 'exited':
      return;
    case 'not-found':
      throw new AppError('BATCH_NOT_INSTALLED', { message: `${argv[0]} is not on this host (looked in PATH)` });
    case 'not-started':
      if (SHORT_OF.has(result.detail ?? ''))
        throw new AppError('BATCH_UNREACHABLE', {
          message: `${argv[0]} cannot be started: ${result.detail}, this host lets you start no further process or open no further file`,
          hint: 'End other programs of yours, or see ulimit -u and ulimit -n; then try again: the stored job is safe and `slurmctl advance` goes on with it',
        });
      throw new AppError('BATCH_NOT_INSTALLED', {
        message: `${argv[0]} cannot be run: ${result.detail ?? 'no reason given'}`,
      });
    case 'deadline':
    case 'stopped':
      throw unreachable(argv, `no answer in time${result.stderr === '' ? '' : ` (${sayings(result.stderr)})`}`);
    case 'too-much-output':
      throw badAnswer(argv, 'it printed more than 64 MiB');
  }
}

/** A command as a person would type it, cut to a readable length. */
const shown = (argv: readonly string[]): string => {
  const text = argv.join(' ');
  return text.length > 160 ? `${text.slice(0, 157)}…` : text;
};
