/** `metrics`: the figures as they are, as a file for a collector, or served to one. */
import type { PageAnswer } from '../backends/page-server/index.ts';
import { renderExposition } from '../observe/metrics/exposition.ts';
import type { Drivers } from './job-backends.ts';
import { restAfterLook } from './look-again.ts';
import type { MetricsDocument } from './metrics-documents.ts';
import { readMetrics } from './read-metrics.ts';
import { serveUntil, TOKEN_CHARS } from './serve-until.ts';
import { shareReading } from './shared-reading.ts';
import { keptToken } from './token-file.ts';
import { requireFilePlace, writeWholeFile } from './write-whole-file.ts';

const EXAMPLE = '--out /var/lib/node_exporter/textfile/slurmctl.prom';
/** Figures are this old at least before they are read again, however often somebody asks. */
const FRESH_MS = 10_000;

export interface Exposition {
  readonly document: MetricsDocument;
  /** The samples in the text format of Prometheus. */
  readonly exposition: string;
}

/** @throws JOB_NOT_FOUND */
export async function readExposition(drivers: Drivers, jobs: readonly string[]): Promise<Exposition> {
  const document = await readMetrics(drivers, jobs);
  return { document, exposition: renderExposition(document.samples) };
}

/** Writes them in one step, for everybody to read: the collector is another user. `path` is absolute. @throws USAGE, SCRATCH_FULL */
export async function writeMetrics(
  drivers: Drivers,
  { jobs, path }: { readonly jobs: readonly string[]; readonly path: string },
): Promise<Exposition> {
  await requireFilePlace(path, EXAMPLE);
  const { document, exposition } = await readExposition(drivers, jobs);
  await writeWholeFile(drivers.ids, { path, text: exposition, mode: 0o644, example: EXAMPLE });
  return { document: { ...document, path }, exposition };
}

export interface ServeMetrics {
  readonly jobs: readonly string[];
  /** 0: a free one. */
  readonly port: number;
  /** Absolute path of the file with the token, made when missing; absent: a token of this one run. */
  readonly tokenFile?: string;
  readonly signal: AbortSignal;
  readonly onListening: (document: MetricsDocument) => Promise<void>;
}

/** Serves them on loopback until `signal`. @throws USAGE for a port or a token file that cannot be used */
export async function serveMetrics(drivers: Drivers, { jobs, port, ...request }: ServeMetrics): Promise<void> {
  const { ids } = drivers;
  const token = request.tokenFile === undefined ? ids.token(TOKEN_CHARS) : await keptToken(drivers, request.tokenFile);
  const read = createFreshReader(drivers, jobs);
  const first = await read();
  const answer = async (path: string): Promise<PageAnswer | null> =>
    path === 'metrics'
      ? { type: 'text/plain; version=0.0.4; charset=utf-8', body: renderExposition((await read()).samples) }
      : null;
  await serveUntil(request.signal, { port, token, answer }, (url) =>
    request.onListening({ ...first, url: `${url}metrics` }),
  );
}

/** The figures, for everybody who asks. */
export const createFreshReader = (drivers: Drivers, jobs: readonly string[]): (() => Promise<MetricsDocument>) =>
  shareReading(drivers.clock, async () => {
    const startedMs = drivers.clock.monotonicMs();
    const value = await readMetrics(drivers, jobs);
    return { value, freshMs: restAfterLook(drivers.clock.monotonicMs() - startedMs, FRESH_MS) };
  });
