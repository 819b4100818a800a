import { flag } from '../define-command.ts';
import { watchLive, type LiveView } from '../live-view.ts';
import type { Session } from '../session.ts';

export const watchOption = flag('Go on until interrupted');

/** One look, or with `--watch` one after the other until the person has seen enough: nothing else ends that. Resolves to the exit code. */
export async function showOrWatch<D>(
  session: Session,
  watch: boolean,
  looks: LiveView<D> & { readonly once: () => Promise<D>; readonly again: (signal: AbortSignal) => AsyncIterable<D> },
): Promise<number> {
  if (watch) {
    await watchLive(session, looks.again(session.io.signal), looks);
    return 130;
  }
  await session.show(await looks.once(), looks.render);
  return 0;
}
