import type { App, CreateApp, GlobalFlags } from '../app/api.ts';
import type { RequestCount } from '../app/documents.ts';
import { AppError } from '../errors/app-error.ts';
import type { CliIo } from './io.ts';
import { jsonText } from './render/json.ts';
import { createStyle, type Style, wantsColour } from './render/style.ts';
import type { View } from './render/view.ts';
import { timingKind } from './timing.ts';

/** Flags of the command line itself, as opposed to those of the app. */
export interface OutputFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly colour: boolean;
  /** Tell at the end what the command took. */
  readonly timing: boolean;
}

/** One run of one command: the app, and the two places to talk to. Data goes to stdout, everything else to stderr. */
export interface Session {
  readonly io: CliIo;
  readonly flags: OutputFlags;
  /** How stdout wants its text. */
  readonly view: View;
  /** Colours of stderr. */
  readonly noteStyle: Style;
  /** The app, opened when first asked for. `jobFile`: the file whose neighbourhood holds the settings. */
  app(options?: { readonly jobFile: string }): Promise<App>;
  /** Prints to stdout as it is. */
  print(text: string): Promise<void>;
  /** Prints a document: as JSON with `--json`, else as `human` words it, with the flags that led here in its commands. */
  show<D>(document: D, human: (document: D, view: View) => string): Promise<void>;
  /** Prints one document on one line, for commands that print many. */
  jsonLine(document: unknown): Promise<void>;
  /** A sentence for the person, on stderr; nothing with `--quiet`. */
  note(text: string): void;
  /** Names the next useful command, with the flags that led here. */
  next(command: string): void;
  /** When the app was open, on the clock of `io`; null when it never was, or nobody wants to know. */
  openedMs(): number | null;
  /** What the app asked of services. */
  requests(): Promise<readonly RequestCount[]>;
  /** Closes the app if it was opened. */
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly io: CliIo;
  readonly flags: OutputFlags;
  readonly appFlags: GlobalFlags;
  readonly createApp: CreateApp;
  /** See `View`. */
  readonly flagged: View['flagged'];
}

/** Creates the session of one command. */
export function createSession({ io, flags, appFlags, createApp, flagged }: SessionOptions): Session {
  let opened: Promise<App> | undefined;
  let openedMs: number | null = null;
  const open: Session['app'] = async (options) => {
    const app = await createApp({ flags: appFlags, env: io.env, cwd: io.cwd, ...options });
    if (timingKind({ flags, io }) !== 'none') openedMs = io.monotonicMs();
    return app;
  };
  const style = createStyle(wantsColour(io.stdout, io.env, flags.colour));
  const noteStyle = createStyle(wantsColour(io.stderr, io.env, flags.colour));
  const view: View = { style, width: io.stdout.isTty ? io.stdout.columns : Number.POSITIVE_INFINITY, flagged };
  const print = (text: string): Promise<void> => io.stdout.write(text);
  const note = (text: string): void => {
    if (!flags.quiet) io.stderr.write(`${flagged(text)}\n`);
  };
  return {
    io,
    flags,
    view,
    noteStyle,
    app: (options) => (opened ??= open(options)),
    openedMs: () => openedMs,
    requests: async () => (await opened?.catch(() => undefined))?.requests() ?? [],
    print,
    show: (document, human) => print(flags.json ? `${jsonText(document, 2)}\n` : flagged(human(document, view))),
    jsonLine: (document) => print(`${jsonText(document)}\n`),
    note,
    next: (command) => note(noteStyle.dim(`next: ${flagged(command)}`)),
    close: async () => {
      const app = await opened?.catch(() => undefined);
      await app?.close();
    },
  };
}

/** The error that Ctrl-C ends a command with. */
export const interrupted = (job?: string): AppError =>
  job === undefined
    ? new AppError('INTERRUPTED', {
        message: 'interrupted',
        hint: 'Jobs that were submitted go on; look at them with: slurmctl list',
      })
    : new AppError('INTERRUPTED', {
        message: `interrupted; job ${job} goes on without this command`,
        hint: `Look at it with: slurmctl status ${job} --watch; end it with: slurmctl cancel ${job}`,
        details: { jobId: job },
      });
