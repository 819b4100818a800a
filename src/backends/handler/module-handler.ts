import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { AppError } from '../../errors/app-error.ts';
import type { HandlerContext, HandlerResult, LoadedHandler } from '../../ports/handler-host.ts';
import type { ConsoleCapture } from './console-capture.ts';
import { factsOf } from './thrown-facts.ts';

type HandlerFunction = (payload: unknown, context: HandlerContext) => unknown;

/** Imports the module and returns what runs its handler. @param console absent: what it prints goes where the process prints @throws HANDLER_NOT_LOADABLE */
export async function loadModuleHandler(path: string, console?: ConsoleCapture): Promise<LoadedHandler['run']> {
  if (!existsSync(path)) throw notLoadable(path, 'there is no such file');
  if (!statSync(path).isFile()) throw notLoadable(path, 'it is not a file');
  const handler = handlerOf(await importModule(path), path);
  if (console === undefined) return (payload, context) => call(handler, payload, context);
  return (payload, context) => console.during(context, () => call(handler, payload, context));
}

async function importModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const place = ownFrame(error, path) ?? (await syntaxErrorPlace(path)) ?? path;
    const { errorClass, errorMessage } = factsOf(error);
    throw new AppError('HANDLER_NOT_LOADABLE', { message: `${place}: ${errorClass}: ${errorMessage}`, cause: error });
  }
}

/** The default export or an export named `handler`. */
function handlerOf(module: Readonly<Record<string, unknown>>, path: string): HandlerFunction {
  const fallback = module['default'] as { readonly handler?: unknown } | null | undefined;
  const candidates = [module['default'], module['handler'], fallback?.handler];
  const handler = candidates.find((candidate) => typeof candidate === 'function');
  if (handler !== undefined) return handler as HandlerFunction;
  const names = Object.keys(module);
  const found = names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`;
  throw new AppError('HANDLER_NOT_LOADABLE', {
    message: `${path}: ${found}, expected a function as default export or as \`handler\``,
    hint: 'Write: export default async function (payload, ctx) { … }',
  });
}

/** A handler that answers at once costs no promise of its own. */
function call(handler: HandlerFunction, payload: unknown, context: HandlerContext): Promise<HandlerResult> {
  try {
    const output = handler(payload, context);
    if (isThenable(output)) return Promise.resolve(output).then(succeeded, failed);
    return Promise.resolve(succeeded(output));
  } catch (error) {
    return Promise.resolve(failed(error));
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function';

const succeeded = (output: unknown): HandlerResult => ({ ok: true, output });
const failed = (error: unknown): HandlerResult => ({ ok: false, ...factsOf(error) });

/** `path:line:column` of the first stack frame in the handler's file. */
function ownFrame(error: unknown, path: string): string | null {
  const stack = (error as { readonly stack?: unknown } | null)?.stack;
  if (typeof stack !== 'string') return null;
  for (const name of [pathToFileURL(path).href, path]) {
    const at = stack.indexOf(`${name}:`);
    const position = at < 0 ? null : /^:\d+(?::\d+)?/.exec(stack.slice(at + name.length));
    if (position !== null) return `${path}${position[0]}`;
  }
  return null;
}

/** V8 keeps the line of a syntax error out of its stack; `node --check` prints it first. Null: the file's own syntax is right. */
function syntaxErrorPlace(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--check', path], { timeout: 10_000 }, (_error, _stdout, stderr) => {
      const line = /:(\d+)$/.exec(stderr.split('\n', 1)[0] ?? '');
      resolve(line === null ? null : `${path}:${line[1]}`);
    });
  });
}

const notLoadable = (path: string, why: string): AppError =>
  new AppError('HANDLER_NOT_LOADABLE', { message: `${path}: ${why}` });
