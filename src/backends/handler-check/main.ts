/** Entry of the process behind `checkHandler`: loads the handler named in argv and sends a verdict to the parent. */
import { createHandlerHost } from '../handler/index.ts';
import type { HandlerSpec } from '../../domain/job-spec.ts';
import { isAppError, messageOf } from '../../errors/app-error.ts';
import type { HandlerVerdict } from './check-handler.ts';

const { spec, baseDir } = JSON.parse(process.argv[2] ?? '') as { spec: HandlerSpec; baseDir: string };

async function judge(): Promise<HandlerVerdict> {
  try {
    await createHandlerHost().load(spec, baseDir);
    return { ok: true };
  } catch (error) {
    if (isAppError(error)) return { ok: false, message: error.message, hint: error.hint };
    return { ok: false, message: messageOf(error) };
  }
}

const verdict = await judge();
process.send?.(verdict, () => process.exit(0));
