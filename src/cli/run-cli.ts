import { CommanderError } from 'commander';
import type { CreateApp } from '../app/api.ts';
import { commandsOf } from './commands-of.ts';
import { messageOf } from '../errors/app-error.ts';
import { flagging } from './flagged.ts';
import { readGlobalOptions } from './global-options.ts';
import { type CliIo, StdoutClosed } from './io.ts';
import { type Request, readCommandLine } from './program.ts';
import { jsonText } from './render/json.ts';
import { createStyle, wantsColour } from './render/style.ts';
import type { View } from './render/view.ts';
import { reportError } from './report-error.ts';
import { createSession, interrupted, type Session } from './session.ts';
import { tellTiming } from './timing.ts';

/** Runs one command line and resolves to its exit code. Never rejects; touches nothing of the process but what `io` gives it. */
export async function runCli(
  argv: readonly string[],
  { io, createApp }: { readonly io: CliIo; readonly createApp: CreateApp },
): Promise<number> {
  let atEnd = async (): Promise<void> => {};
  let flagged = (text: string): string => text;
  try {
    const request = await read(argv, io);
    if (request.kind === 'print') {
      await io.stdout.write(request.text);
      return 0;
    }
    const { app, output } = readGlobalOptions(request.raw.options);
    flagged = flagging(app);
    const session = createSession({ io, flags: output, appFlags: app, createApp, flagged });
    atEnd = () => tellTiming(session, request.command.name);
    return await runCommand(request, session);
  } catch (error) {
    // Nobody reads on: `slurmctl list | head -1` has what it wanted.
    if (error instanceof StdoutClosed) return 0;
    return await tell(error, { argv, io, flagged });
  } finally {
    // What the command did stands, whether or not its cost can be told.
    await atEnd().catch((error: unknown) => io.stderr.write(`warning: no timing: ${messageOf(error)}\n`));
  }
}

async function read(argv: readonly string[], io: CliIo): Promise<Request> {
  const reading = { ...(io.stdout.isTty ? { columns: io.stdout.columns } : {}), version: () => io.version() };
  const own = await commandsOf(argv[0] ?? '');
  if (own !== null)
    try {
      return readCommandLine(argv, { ...reading, commands: own });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
    }
  // Whoever asks for help, puts options first or is wrong is answered with everything that there is.
  const { commands } = await import('./commands.ts');
  try {
    return readCommandLine(argv, { ...reading, commands });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw (await import('./usage-error.ts')).usageError(error, argv);
  }
}

async function runCommand({ command, raw }: Extract<Request, { kind: 'run' }>, session: Session): Promise<number> {
  const { io } = session;
  const running = command.run(session, raw);
  if (command.endsOnInterrupt) return closing(running, session);
  return Promise.race([closing(running, session), untilInterrupted(io.signal)]);
}

/** The app is closed however the command ends; a failure to close must not hide a failure of the command. */
async function closing(running: Promise<number>, session: Session): Promise<number> {
  let code: number;
  try {
    code = await running;
  } catch (error) {
    await session.close().catch(() => {});
    throw error;
  }
  await session.close();
  return code;
}

/** Rejects at Ctrl-C, for commands that have no better idea than to be left where they are: each of their steps is safe to repeat. */
const untilInterrupted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = (): void => reject(interrupted());
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

async function tell(
  error: unknown,
  { argv, io, flagged }: { readonly argv: readonly string[]; readonly io: CliIo; readonly flagged: View['flagged'] },
): Promise<number> {
  const style = createStyle(wantsColour(io.stderr, io.env, !argv.includes('--no-color')));
  const report = reportError(error, { style, flagged, version: () => io.version() });
  io.stderr.write(report.text);
  if (argv.includes('--json')) await io.stdout.write(`${jsonText(report.document, 2)}\n`).catch(() => {});
  return report.exitCode;
}
