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

interface Shown<D> {
  readonly show: (document: D) => Promise<void>;
  /** What was drawn is not where it was left: the next picture goes below what stands there. */
  readonly forget: () => void;
}

/** Prints one document after the other in the way that stdout can take. */
function createLiveView<D>(session: Session, live: LiveView<D>): Shown<D> {
  const forget = (): void => undefined;
  if (session.flags.json) return { show: (document) => session.jsonLine(document), forget };
  if (isDrawn(session)) return createDrawing(session, live);
  const { sentence, facts } = live;
  let shown = '';
  const show = async (document: D): Promise<void> => {
    const told = JSON.stringify(facts(document));
    if (told === shown) return;
    shown = told;
    await session.print(`${session.view.flagged(sentence(document))}\n`);
  };
  return { show, forget };
}

/** One picture over the other. */
function createDrawing<D>(session: Session, { render }: Pick<LiveView<D>, 'render'>): Shown<D> {
  const { io, view } = session;
  let shown: readonly string[] = [];
  const show = async (document: D): Promise<void> => {
    const { columns, rows } = io.stdout;
    // A terminal that was made narrower meanwhile has wrapped what stands there.
    const height = shown.reduce((sum, line) => sum + rowsOf(line, columns), 0);
    // The cursor cannot go above the screen, so a taller picture is cut to it.
    shown = firstRows(
      view
        .flagged(render(document, { ...view, width: columns }))
        .split('\n')
        .slice(0, -1),
      { columns, rows },
    );
    // Each line is put over the one that stands there and its rest cleared: a screen that is wiped first flickers.
    const back = height === 0 ? HIDE_CURSOR : `\u001b[${height}A\r`;
    await session.print(`${back}${shown.map((line) => cleared(line, columns)).join('\n')}\n${CLEAR_BELOW}`);
  };
  const forget = (): void => {
    shown = [];
  };
  return { show, forget };
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_REST_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** A line that fills its last row leaves the cursor on its last character, which would be cleared. */
function cleared(line: string, columns: number): string {
  const width = shownWidth(line);
  return width > 0 && width % columns === 0 ? line : `${line}${CLEAR_REST_OF_LINE}`;
}

/** Rows that a line takes: the path of an output is never cut, and may be longer than a row. */
const rowsOf = (line: string, columns: number): number => Math.max(1, Math.ceil(shownWidth(line) / columns));

/** As many lines as fit above the cursor; the first always. */
function firstRows(
  lines: readonly string[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly string[] {
  let used = 0;
  const cut = lines.findIndex((line) => (used += rowsOf(line, columns)) > rows - 1);
  return cut === -1 ? lines : lines.slice(0, Math.max(1, cut));
}

const isDrawn = ({ io, flags }: Session): boolean => !flags.json && io.stdout.isTty && io.env['TERM'] !== 'dumb';

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
  const { show, forget } = createLiveView(session, live);
  let last: D | undefined;
  const after = async (): Promise<void> => {
    forget();
    if (last !== undefined) await show(last).catch(() => undefined);
  };
  const unhook = isDrawn(session) ? io.aroundStops({ before: () => showCursor(session), after }) : null;
  try {
    for await (const document of documents) {
      last = document;
      await show(document);
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  } finally {
    unhook?.();
    if (last !== undefined && isDrawn(session)) await showCursor(session);
  }
  if (!io.signal.aborted) return last;
  // The terminal has just printed ^C; the prompt belongs on a line of its own.
  if (io.stdout.isTty && !session.flags.json) await session.print('\n');
  return 'interrupted';
}

/** Whoever reads no more needs no cursor. */
const showCursor = (session: Session): Promise<void> => session.print(SHOW_CURSOR).catch(() => undefined);

// oxlint-disable-next-line no-control-regex -- what colours are made of
const COLOURS = /\u001b\[[0-9;]*m/g;

const shownWidth = (line: string): number => displayWidth(line.replaceAll(COLOURS, ''));
