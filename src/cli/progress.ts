import type CliProgress from 'cli-progress';
import type { SingleBar } from 'cli-progress';
import type { Progress } from '../app/api.ts';
import type { StatusDocument } from '../app/documents.ts';
import { formatBytes, formatDuration } from '../domain/units.ts';
import type { Session } from './session.ts';
import { statusSentence } from './render/status.ts';
import { count, number, percent, printable, rate } from './render/text.ts';

/** Progress of long work on stderr: a bar on a terminal, else a plain line now and then. Stop it before printing anything else. */
export interface ProgressView {
  progress(progress: Progress): void;
  status(status: StatusDocument): void;
  stop(): void;
}

/** Plain lines come at most this often, unless the phase changes. */
export const PLAIN_LINE_EVERY_MS = 10_000;

/** Chooses the kind that suits stderr; nothing at all with `--quiet`. */
export async function createProgressView(session: Session): Promise<ProgressView> {
  const { stderr, env } = session.io;
  if (session.flags.quiet) return SILENT;
  return stderr.isTty && env['TERM'] !== 'dumb' ? createBar(session) : createLines(session);
}

const SILENT: ProgressView = { progress: () => {}, status: () => {}, stop: () => {} };

function createLines(session: Session): ProgressView {
  let lastPhase = '';
  let lastMs = Number.NEGATIVE_INFINITY;
  const line = (phase: string, sentence: () => string): void => {
    const now = session.io.monotonicMs();
    if (phase === lastPhase && now - lastMs < PLAIN_LINE_EVERY_MS) return;
    lastPhase = phase;
    lastMs = now;
    session.note(sentence());
  };
  return {
    progress: (progress) => line(`${progress.phase} ${progress.note ?? ''}`, () => progressSentence(progress)),
    status: (status) => line(status.job.state, () => statusSentence(status)),
    stop: () => {},
  };
}

/** `splitting: 12.0 MiB of 40.0 MiB (30%)`. */
export function progressSentence({ phase, done, total, unit, note }: Progress): string {
  const amount = (value: number): string => (unit === 'bytes' ? formatBytes(value) : number(value));
  const sum = total === null ? '' : ` of ${amount(total)}`;
  const share = total === null ? '' : ` (${percent(done, total)})`;
  return `${phase}: ${amount(done)}${sum}${unit === 'bytes' ? '' : ` ${unit}`}${share}${note === undefined ? '' : `, ${printable(note)}`}`;
}

interface BarPayload {
  readonly label: string;
  readonly text: string;
  /** False while nobody knows how much there is: no bar then. */
  readonly known: boolean;
}

const newBar = ({ SingleBar, Format }: typeof CliProgress, stream: NodeJS.WriteStream): SingleBar =>
  new SingleBar({
    stream,
    format: (options, { progress }, { label: phase, text, known }: BarPayload) =>
      known
        ? `${phase} ${Format.BarFormat(progress, options)} ${Math.floor(progress * 100)}%  ${text}`
        : `${phase}  ${text}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    fps: 8,
  });

async function createBar({ io, noteStyle }: Session): Promise<ProgressView> {
  const { default: cliProgress } = await import('cli-progress');
  let bar: SingleBar | undefined;
  let unhook: (() => void) | undefined;
  const takeAway = (): void => {
    bar?.stop();
    bar = undefined;
  };
  const stop = (): void => {
    takeAway();
    unhook?.();
    unhook = undefined;
  };
  const show = (
    label: string,
    state: { readonly done: number; readonly total: number | null; readonly text: string },
  ): void => {
    const payload = { label: noteStyle.bold(label), text: state.text, known: state.total !== null };
    const total = Math.max(1, state.total ?? 1);
    if (bar === undefined) {
      bar = newBar(cliProgress, io.stderr.raw as NodeJS.WriteStream);
      bar.start(total, state.done, payload);
      // The bar hides the cursor; the next step draws it again.
      unhook ??= io.aroundStops({ before: async () => takeAway(), after: async () => undefined });
      return;
    }
    bar.setTotal(total);
    bar.update(state.done, payload);
  };
  return {
    progress: ({ phase, done, total, unit, note }) =>
      show(phase, {
        done: total === null ? 0 : done,
        total,
        text: progressSentence({ phase, done, total, unit, ...(note === undefined ? {} : { note }) }).slice(
          phase.length + 2,
        ),
      }),
    status: (status) =>
      show(status.job.state.toLowerCase(), {
        done: status.items.succeeded + status.items.failed,
        total: status.items.total,
        text: barText(status),
      }),
    stop,
  };
}

function barText({ job, items, itemsPerSec, etaMs }: StatusDocument): string {
  return [
    `${number(items.succeeded + items.failed)} of ${count(items.total, 'item')}`,
    items.failed > 0 ? `${number(items.failed)} failed` : null,
    itemsPerSec === null ? null : rate(itemsPerSec),
    etaMs === null ? null : `${formatDuration(etaMs)} left`,
    job.reason === null ? null : printable(job.reason),
  ]
    .filter((part) => part !== null)
    .join(' · ');
}
