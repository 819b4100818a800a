import type { TimingDocument } from './documents.ts';
import { jsonText } from './render/json.ts';
import { createStyle, wantsColour } from './render/style.ts';
import type { Session } from './session.ts';

/** `SLURMCTL_TIMING=json` is for programs: finalisers have no flags of the person who wants to measure. */
const VARIABLE = 'SLURMCTL_TIMING';

/** How the cost of a command is told: not at all, to a person, or to a program. */
export function timingKind({ flags, io }: Pick<Session, 'flags' | 'io'>): 'none' | 'text' | 'json' {
  const word = io.env[VARIABLE] ?? '';
  if (word === 'json') return 'json';
  if (!flags.timing && (word === '' || word === '0')) return 'none';
  return flags.json ? 'json' : 'text';
}

/** Tells on stderr, after everything else, what a command took; nothing unless it was asked for. */
export async function tellTiming(session: Session, command: string): Promise<void> {
  const kind = timingKind(session);
  if (kind === 'none') return;
  const { io, flags } = session;
  const document: TimingDocument = {
    schema: 'slurmctl.timing/1',
    command,
    wallMs: io.monotonicMs() - io.startedMs,
    startUpMs: session.openedMs() === null ? null : (session.openedMs() as number) - io.startedMs,
    requests: await session.requests(),
  };
  if (kind === 'json') {
    io.stderr.write(`${jsonText(document)}\n`);
    return;
  }
  const { renderTiming } = await import('./render/timing.ts');
  const style = createStyle(wantsColour(io.stderr, io.env, flags.colour));
  const width = io.stderr.isTty ? io.stderr.columns : Number.POSITIVE_INFINITY;
  io.stderr.write(renderTiming(document, { ...session.view, style, width }));
}
