/** Where the command line reads from and writes to: the process in `main.ts`, captured text in tests. */
export interface CliIo {
  readonly stdout: StdoutStream;
  readonly stderr: StderrStream;
  /** Opened when it is asked for: most commands read nothing. */
  stdin(): NodeJS.ReadableStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Calls these around each time that the process is stopped (Ctrl-Z), until the returned function is called. */
  aroundStops(hooks: StopHooks): () => void;
  /** Monotonic milliseconds; only differences mean something. */
  monotonicMs(): number;
  /** When the process began, on the same clock. */
  readonly startedMs: number;
  /** Version of slurmctl, read when asked for. */
  version(): string;
}

/** Neither may fail: there is nobody to tell. */
export interface StopHooks {
  /** Before it stops: the terminal is given back as it was found. */
  readonly before: () => Promise<void>;
  /** When it goes on, with something else on the screen than it left there. */
  readonly after: () => Promise<void>;
}

interface TerminalFacts {
  readonly isTty: boolean;
  /** Characters a line holds; meaningful on a terminal only. */
  readonly columns: number;
  readonly rows: number;
}

export interface StdoutStream extends TerminalFacts {
  /** Resolves when the reader may take more. @throws StdoutClosed when nobody reads any more */
  write(text: string): Promise<void>;
}

export interface StderrStream extends TerminalFacts {
  /** In order; a stderr that nobody reads is nobody's problem. */
  write(text: string): void;
  /** The stream itself, for the progress bar. */
  readonly raw: NodeJS.WritableStream;
}

/** The reader of stdout went away (`slurmctl list | head -1`): there is nobody left to print to, and nothing is wrong. */
export class StdoutClosed extends Error {
  override readonly name = 'StdoutClosed';
}
