import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHandlerHost } from '../../../../src/backends/handler/index.ts';
import type { HandlerContext, LoadedHandler } from '../../../../src/ports/handler-host.ts';
import { createListLog } from '../../../support/worker-job.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

let dir: { readonly path: string; readonly remove: () => void };
beforeEach(() => {
  dir = makeTempDir('handler');
});
afterEach(() => dir.remove());

const context: HandlerContext = {
  signal: new AbortController().signal,
  log: createListLog(),
  attempt: 1,
  job: { id: 'j', name: 'job' },
  task: { id: '000000' },
  item: { id: 'a', index: 0 },
  scratch: '/tmp',
  limit: () => Promise.reject(new Error('no limits')),
  settle: () => undefined,
  tooManyRequests: () => false,
  slots: {},
  pool: () => Promise.reject(new Error('no pools')),
};
let count = 0;
const fileOf = (code: string, ending = 'mjs'): string => {
  const path = join(dir.path, `my handler é ${(count += 1)}.${ending}`);
  writeFileSync(path, code);
  return path;
};
const load = (path: string): Promise<LoadedHandler> =>
  createHandlerHost().load({ kind: 'module', path, concurrency: 1, timeoutMs: 1 }, dir.path);
const run = async (code: string, payload: unknown = 1) => (await load(fileOf(code))).run(payload, context);

describe('module handlers', () => {
  it.each([
    ['an async default export', 'export default async (x) => x + 1;'],
    ['a sync default export', 'export default (x) => x + 1;'],
    ['an export named handler', 'export const handler = async (x) => x + 1;'],
    ['a default object with handler', 'export default { handler: (x) => x + 1 };'],
    ['a thenable', 'export default (x) => ({ then: (resolve) => resolve(x + 1) });'],
  ])('%s', async (_name, code) => expect(await run(code)).toEqual({ ok: true, output: 2 }));

  it('CommonJS', async () => {
    const path = fileOf('module.exports = async (x) => x + 1;', 'cjs');
    expect(await (await load(path)).run(1, context)).toEqual({ ok: true, output: 2 });
  });

  it('gets the payload and its context', async () => {
    expect(
      await run('export default (x, ctx) => [x, ctx.item.id, ctx.attempt, ctx.signal.aborted];', { a: 1 }),
    ).toEqual({
      ok: true,
      output: [{ a: 1 }, 'a', 1, false],
    });
  });

  it.each([
    ['throw new RangeError("too far")', 'RangeError', 'too far'],
    ['class NotFound extends Error {}; throw new NotFound("gone")', 'NotFound', 'gone'],
    ['throw "text"', 'NonError', 'text'],
    ['throw null', 'NonError', 'null'],
    ['throw { code: 7 }', 'NonError', '{ code: 7 }'],
    ['throw new Error("m".repeat(5000))', 'Error', `${'m'.repeat(1_999)}…`],
    ['return Promise.reject(new TypeError("later"))', 'TypeError', 'later'],
    ['throw Object.assign(new Error("x"), { cause: new Error("root") })', 'Error', 'x'],
  ])('%s is a failure of the item', async (body, errorClass, errorMessage) => {
    const result = await run(`export default () => { ${body} };`);
    expect(result).toMatchObject({ ok: false, cause: 'handler-error', errorClass, errorMessage });
  });

  it.each([
    ['new RangeError("Array buffer allocation failed")', 'oom'],
    ['Object.assign(new Error("write"), { code: "ENOSPC" })', 'disk-full'],
    ['new Error("cannot save", { cause: Object.assign(new Error("x"), { code: "EDQUOT" }) })', 'disk-full'],
    ['Object.assign(new Error("refused"), { status: 429 })', 'rate-limited'],
    ['Object.assign(new Error("refused"), { response: { status: 429 } })', 'rate-limited'],
    [
      'Object.assign(new Error("x"), { name: "ThrottlingException", $metadata: { httpStatusCode: 400 } })',
      'rate-limited',
    ],
    ['new (class RateLimitError extends Error {})("slow")', 'rate-limited'],
    ['Object.assign(new Error("refused"), { status: 503 })', 'handler-error'],
    ['Object.defineProperty(new Error("x"), "code", { get() { throw new Error("no"); } })', 'handler-error'],
    ['"JavaScript heap out of memory"', 'oom'],
  ])('throw %s is %s', async (thrown, cause) => {
    expect(await run(`export default () => { throw ${thrown}; };`)).toMatchObject({ ok: false, cause });
  });

  it('an error that wraps itself is no loop', async () => {
    const body = 'const e = new Error("x"); e.cause = e; throw e;';
    expect(await run(`export default () => { ${body} };`)).toMatchObject({ cause: 'handler-error' });
  });

  it('keeps the stack with the place in the file, and causes', async () => {
    const result = await run('export default () => {\n  throw new Error("a", { cause: new Error("root cause") });\n};');
    expect(result.ok ? '' : result.detail).toMatch(/\.mjs:2:\d+/);
    expect(result.ok ? '' : result.detail).toContain('root cause');
  });
});

describe('a module that cannot be loaded is HANDLER_NOT_LOADABLE', () => {
  const refusal = async (path: string) =>
    load(path).then(
      () => null,
      (error: unknown) => error,
    );

  it('missing, or a directory', async () => {
    expect(await refusal(join(dir.path, 'no.mjs'))).toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: expect.stringContaining('no such file') as string,
    });
    mkdirSync(join(dir.path, 'd.mjs'));
    expect(await refusal(join(dir.path, 'd.mjs'))).toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: expect.stringContaining('not a file') as string,
    });
  });

  it('throws on import: the place is named', async () => {
    const path = fileOf('const a = 1;\nthrow new Error("no licence");\nexport default () => a;');
    expect(await refusal(path)).toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: expect.stringMatching(/my handler é \d+\.mjs:2:\d+: Error: no licence$/) as string,
    });
  });

  it('has a syntax error: the line is named', async () => {
    const path = fileOf('const a = 1;\nconst b = = 2;\n');
    expect(await refusal(path)).toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: expect.stringMatching(/my handler é \d+\.mjs:2(:\d+)?: /) as string,
    });
  });

  it('imports something that is not there', async () => {
    const path = fileOf('import "nothing-of-that-name";\nexport default () => 1;');
    expect(await refusal(path)).toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: expect.stringContaining('nothing-of-that-name') as string,
    });
  });

  it.each([
    ['', 'it exports nothing'],
    ['export default 5; export const other = 1;', 'it exports default, other'],
    ['export const handler = "x";', 'it exports handler'],
  ])('exports no function (%s)', async (code, message) =>
    expect(await refusal(fileOf(code))).toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining('export default') as string,
    }),
  );
});

it('a promise nobody awaits is logged while the handler is loaded, and the process lives', async () => {
  const log = createListLog();
  const path = fileOf('export default () => { Promise.reject(new Error("stray")); return 1; };');
  const before = process.listeners('unhandledRejection');
  for (const listener of before) process.off('unhandledRejection', listener);
  try {
    const handler = await createHandlerHost({ strayLog: log }).load(
      { kind: 'module', path, concurrency: 1, timeoutMs: 1 },
      dir.path,
    );
    expect(await handler.run(1, context)).toEqual({ ok: true, output: 1 });
    await turn();
    expect(log.lines).toMatchObject([{ level: 'error', fields: { errorClass: 'Error', errorMessage: 'stray' } }]);
    await handler.close();
    expect(process.listenerCount('unhandledRejection')).toBe(0);
  } finally {
    for (const listener of before) process.on('unhandledRejection', listener);
  }
});
