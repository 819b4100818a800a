import { existsSync, rmSync } from 'node:fs';
import { AppError } from '../../../errors/app-error.ts';
import type { BatchHandle } from '../../../ports/batch-system.ts';
import type { LocalContext } from './context.ts';
import { dropControl, type ControlRequest } from './control.ts';
import { locate } from './locate.ts';

/** A supervisor of another host sees the request only when it next looks: file systems report nothing across hosts. */
const ANSWER_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 5;

type Ask = ControlRequest extends infer R ? (R extends ControlRequest ? Omit<R, 'number'> : never) : never;

/**
 * Has the supervisor of a submission's host apply something; returns once it did. Ended and unknown submissions need nothing.
 * @throws BATCH_UNREACHABLE when nobody answers; the request is then withdrawn
 */
export async function askSupervisor(context: LocalContext, handle: BatchHandle, ask: Ask): Promise<void> {
  const found = locate(context.root, handle);
  const view = found === null ? null : context.reader.read(found.layout, found.number);
  if (found === null || view === null || view.final) return;
  const { layout, number } = found;
  const isHere = layout.dir === context.layout.dir;
  const path = dropControl(layout, { number, ...ask } as ControlRequest, context.ids.ulid());
  const deadlineMs = context.clock.monotonicMs() + ANSWER_WITHIN_MS;
  while (existsSync(path)) {
    if (isHere) await context.ensureSupervisor();
    if (context.clock.monotonicMs() > deadlineMs) {
      rmSync(path, { force: true });
      throw new AppError('BATCH_UNREACHABLE', {
        message: `the local scheduler of ${layout.hostname} does not take requests for ${handle.id}`,
        hint: isHere ? `Look at ${layout.log}` : `Run the same command on ${layout.hostname}`,
      });
    }
    await context.clock.sleep(LOOK_EVERY_MS);
  }
}
