import type { View } from './render/view.ts';
import { displayWidth } from './render/text.ts';
import type { Session } from './session.ts';

/** How a document that changes is shown, look after look. */
export interface LiveView<D> {
  /** The whole picture, for a terminal. */
  readonly render: (document: D, view: View) => string;
  /** One line, for everything else. */
  readonly sentence: (document: D) => string;
  /** What makes a further line worth it: equal facts are told once. */
  readonly facts: (document: D) => unknown;
}

/** Prints one document after the other in the way that stdout can take. */
function createLiveView<D>(session: Session, { render, sentence, facts }: LiveView<D>): (document: D) => Promise<void> {
  const { io, flags, view } = session;
  if (flags.json) return (document) => session.jsonLine(document);
  if (!io.stdout.isTty || io.env['TERM'] === 'dumb') {
    let shown = '';
    return async (document) => {
      const told = JSON.stringify(facts(document));
      if (told === shown) return;
      shown = told;
      await session.print(`${sentence(document)}\n`);
    };
  }
  let shown: readonly string[] = [];
  return async (document) => {
    const { columns, rows } = io.stdout;
    // A terminal that was made narrower meanwhile has wrapped what stands there.
    const height = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(shownWidth(line) / columns)), 0);
    // The cursor cannot go above the screen, so a taller picture is cut to it.
    shown = render(document, { ...view, width: columns })
      .split('\n')
      .slice(0, -1)
      .slice(0, Math.max(1, rows - 1));
    const back = height === 0 ? '' : `\u001b[${height}A\u001b[0J`;
    await session.print(`${back}${shown.join('\n')}\n`);
  };
}

/**
 * Shows every document until there is no further one, and resolves to the last. On Ctrl-C, the ordinary way to stop watching, it resolves to
 * `interrupted`: nothing went wrong and nothing is said.
 */
export async function watchLive<D>(
  session: Session,
  documents: AsyncIterable<D>,
  live: LiveView<D>,
): Promise<D | undefined | 'interrupted'> {
  const { io } = session;
  const draw = createLiveView(session, live);
  let last: D | undefined;
  try {
    for await (const document of documents) {
      last = document;
      await draw(document);
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
  if (!io.signal.aborted) return last;
  // The terminal has just printed ^C; the prompt belongs on a line of its own.
  if (io.stdout.isTty && !session.flags.json) await session.print('\n');
  return 'interrupted';
}

// oxlint-disable-next-line no-control-regex -- what colours are made of
const COLOURS = /\u001b\[[0-9;]*m/g;

const shownWidth = (line: string): number => displayWidth(line.replaceAll(COLOURS, ''));
