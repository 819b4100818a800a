import { readFileSync } from 'node:fs';
import type { CreateApp } from '../app/api.ts';
import { giveTerminalBack } from './give-back.ts';
import type { CliIo } from './io.ts';
import { aroundStops } from './job-control.ts';
import { reportError } from './report-error.ts';
import { createStyle } from './render/style.ts';
import { runCli } from './run-cli.ts';
import { createStderr, createStdout } from './streams.ts';

/**
 * The process around the command line: the only file of `cli` that touches argv, streams, signals and the exit code. The app is loaded
 * when a command asks for it, so that help and version stay fast.
 */
const interrupt = new AbortController();
const stderr = createStderr(process.stderr);

/** Nobody gets to tidy up. */
const endAtOnce = (code: number): never => {
  giveTerminalBack([process.stdout, process.stderr], process.env);
  process.exit(code);
};

const onSignal = (): void => {
  // The second signal is an order, not a request.
  if (interrupt.signal.aborted) endAtOnce(130);
  interrupt.abort();
};
process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

process.on('uncaughtException', (error) => {
  stderr.write(reportError(error, { style: createStyle(false), version }).text);
  endAtOnce(1);
});

const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);

const io: CliIo = {
  stdout: createStdout(process.stdout),
  stderr,
  stdin: () => process.stdin,
  env: process.env,
  cwd: process.cwd(),
  signal: interrupt.signal,
  aroundStops: (hooks) => aroundStops(process, hooks),
  monotonicMs,
  startedMs: Math.round(monotonicMs() - process.uptime() * 1_000),
  version,
};

const createApp: CreateApp = async (options) => (await import('../app/create-app.ts')).createApp(options);

// Everything written has been awaited; a handle that somebody left open must not keep the shell waiting.
process.exit(await runCli(process.argv.slice(2), { io, createApp }));
