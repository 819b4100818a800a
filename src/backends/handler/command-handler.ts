import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { classify } from '../../domain/classify.ts';
import { parseExactJson, parsePrintedJson } from '../../domain/exact-json.ts';
import { redactText } from '../../domain/redact.ts';
import { poolVariable } from '../../domain/pool.ts';
import { signalNumber } from '../../domain/signals.ts';
import { AppError } from '../../errors/app-error.ts';
import type { HandlerContext, HandlerResult, LoadedHandler } from '../../ports/handler-host.ts';
import { fillArgument, parseArgument, type ArgumentTemplate } from './argv-template.ts';
import { createLineWriter } from './line-writer.ts';
import { MAX_STDOUT_BYTES, runProcess, type Ended } from './run-process.ts';
import { shorten } from './thrown-facts.ts';

export interface CommandOptions {
  /** The program, then argument templates. */
  readonly argv: readonly string[];
  readonly baseDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One process an item: JSON on stdin, JSON on stdout. @throws HANDLER_NOT_LOADABLE */
export function loadCommandHandler({ argv, baseDir, env }: CommandOptions): LoadedHandler {
  const [name = '', ...rest] = argv;
  const program = findProgram(name, baseDir, env['PATH'] ?? '');
  const templates = rest.map((text) => {
    const template = parseArgument(text);
    if (template !== null) return template;
    throw new AppError('HANDLER_NOT_LOADABLE', {
      message: `handler.command: the argument ${JSON.stringify(text)} has a brace without its partner`,
      hint: 'Write {{ and }} for braces that are not a field of the item',
    });
  });
  return {
    async run(payload, context, json) {
      const args = fillAll(templates, json === undefined ? payload : () => parseExactJson(json));
      if (typeof args === 'string') return refused(args);
      const stderr = createLineWriter((line) => context.log.info(line, { stream: 'stderr' }));
      const ended = await runProcess({
        program,
        args,
        cwd: baseDir,
        env: { ...env, ...itemEnvironment(context) },
        input: json ?? JSON.stringify(payload) ?? 'null',
        signal: context.signal,
        onStderr: (chunk) => stderr.write(chunk),
      });
      stderr.end();
      const result = resultOf(ended, name);
      if (!result.ok) logOutput(context, ended);
      return result;
    },
    close: () => Promise.resolve(),
  };
}

const SHOWN_STDOUT_CHARS = 4 * 1024;
/** So much of it is looked at: the end of a secret looks like any text. */
const SEEN_STDOUT_BYTES = 64 * 1024;

/** What a failed command printed is no result, and may say why. */
function logOutput({ log }: Pick<HandlerContext, 'log'>, ended: Ended): void {
  if (ended.kind !== 'exit' || ended.stdout === 'too-long' || ended.stdout.length === 0) return;
  const lines = createLineWriter((line) => log.info(line, { stream: 'stdout' }));
  const end = Buffer.from(ended.stdout.subarray(-SEEN_STDOUT_BYTES)).toString('utf8');
  lines.write(redactText(end).slice(-SHOWN_STDOUT_CHARS));
  lines.end();
}

/** The arguments, or what is wrong with the payload. A function as payload is parsed only when a field is needed. */
function fillAll(templates: readonly ArgumentTemplate[], payload: unknown): string[] | string {
  const needed = templates.some((template) => template.some((part) => typeof part !== 'string'));
  const value = typeof payload === 'function' && needed ? (payload as () => unknown)() : payload;
  const args: string[] = [];
  for (const template of templates) {
    const filled = fillArgument(template, value);
    if (!filled.ok) return filled.message;
    args.push(filled.text);
  }
  return args;
}

const refused = (message: string): HandlerResult => ({
  ok: false,
  cause: 'bad-input',
  errorClass: 'bad-input',
  errorMessage: message,
});

const itemEnvironment = (context: HandlerContext): Record<string, string> => ({
  SLURMCTL_JOB_ID: context.job.id,
  SLURMCTL_TASK_ID: context.task.id,
  SLURMCTL_ITEM_ID: context.item.id.replaceAll('\0', ''),
  SLURMCTL_ITEM_INDEX: String(context.item.index),
  SLURMCTL_ATTEMPT: String(context.attempt),
  SLURMCTL_SCRATCH: context.scratch,
  ...slotEnvironment(context),
});

/** The slots that the worker holds. */
function slotEnvironment({ slots }: HandlerContext): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [pool, { index, fence }] of Object.entries(slots)) {
    variables[`${poolVariable(pool)}_SLOT`] = String(index);
    variables[`${poolVariable(pool)}_FENCE`] = String(fence);
  }
  return variables;
}

/** Absolute path of the program: as a path from the job file's directory when it has a slash, else from PATH. */
function findProgram(name: string, baseDir: string, path: string): string {
  if (name.includes('/')) {
    const program = resolve(baseDir, name);
    const problem = executableProblem(program);
    if (problem === null) return program;
    throw new AppError('HANDLER_NOT_LOADABLE', {
      message: `handler.command: ${program} ${problem}`,
      hint:
        problem === 'is not executable'
          ? `Run: chmod +x ${program}`
          : 'Check the path; it starts from the directory of the job file',
    });
  }
  const places = path.split(delimiter).map((dir) => join(isAbsolute(dir) ? dir : resolve(baseDir, dir), name));
  const program = places.find((place) => executableProblem(place) === null);
  if (program !== undefined) return program;
  throw new AppError('HANDLER_NOT_LOADABLE', {
    message: `handler.command: there is no program ${JSON.stringify(name)} in PATH`,
    hint: 'Load its module or give its path; a program beside the job file is written ./name',
  });
}

function executableProblem(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return 'is not a file';
  } catch {
    return 'does not exist';
  }
  try {
    accessSync(path, constants.X_OK);
    return null;
  } catch {
    return 'is not executable';
  }
}

/** What the result says of the process, as it says it. */
type CommandEnd = { readonly exitCode?: number; readonly signal?: string };

const MESSAGE_CHARS = 2_000;
const SHOWN_CHARS = 120;

function resultOf(ended: Ended, name: string): HandlerResult {
  const { stderr } = ended;
  const detail = stderr === '' ? {} : { detail: stderr };
  const lastLine = stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  const why = lastLine === '' ? '' : `: ${lastLine}`;
  const failed = (errorClass: string, text: string, end: CommandEnd): HandlerResult => {
    const { signal, ...rest } = end;
    const cause = classify({ ...rest, signal: signalNumber(signal ?? ''), errorClass, message: `${text}\n${stderr}` });
    return { ok: false, cause, errorClass, errorMessage: shorten(text, MESSAGE_CHARS), ...detail, ...end };
  };
  if (ended.kind === 'not-started') return failed('SpawnError', `${name} cannot be started: ${ended.reason}`, {});
  if (ended.kind === 'signal') {
    const guess = ended.signal === 'SIGKILL' ? ' (out of memory?)' : '';
    return failed('SignalError', `killed by ${ended.signal}${guess}${why}`, { signal: ended.signal });
  }
  if (ended.exitCode !== 0) return failed('ExitError', `exit ${ended.exitCode}${why}`, { exitCode: ended.exitCode });
  const badOutput = (message: string): HandlerResult => ({
    ok: false,
    cause: 'bad-output',
    errorClass: 'bad-output',
    errorMessage: message,
    ...detail,
    exitCode: 0,
  });
  if (ended.stdout === 'too-long') return badOutput(`stdout is longer than ${MAX_STDOUT_BYTES / 1024 ** 2} MiB`);
  return outputOf(ended.stdout, badOutput);
}

function outputOf(stdout: Uint8Array, badOutput: (message: string) => HandlerResult): HandlerResult {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(stdout).trim();
  } catch {
    return badOutput('stdout is not UTF-8, expected JSON');
  }
  if (text === '') return { ok: true, output: null };
  try {
    return { ok: true, output: parsePrintedJson(text) };
  } catch {
    return badOutput(`stdout is not one JSON value: found ${JSON.stringify(shorten(text, SHOWN_CHARS))}`);
  }
}
