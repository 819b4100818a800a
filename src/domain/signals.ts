/** Numbers of the signals of Linux on the processors clusters have; pure, so that a job file means the same wherever it is read. */
const SIGNALS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const;

export const SIGNAL_NAMES: readonly string[] = Object.keys(SIGNALS);
/** Real-time signals included. */
export const HIGHEST_SIGNAL = 64;

/** `SIGKILL`, `kill` and `KILL` are 9; undefined for a name that is none. */
export function signalNumber(name: string): number | undefined {
  const upper = name.toUpperCase();
  const full = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return Object.hasOwn(SIGNALS, full) ? SIGNALS[full as keyof typeof SIGNALS] : undefined;
}

/** `SIGKILL` for 9, `signal 40` for one without a name. */
export const signalName = (number: number): string =>
  SIGNAL_NAMES.find((name) => SIGNALS[name as keyof typeof SIGNALS] === number) ?? `signal ${number}`;
