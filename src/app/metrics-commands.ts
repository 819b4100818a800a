/** `metrics`: the figures as they are, as a file for a collector, or served to one. */
import { open, readFile, stat } from 'node:fs/promises';
import type { PageAnswer } from '../backends/page-server/index.ts';
import { describeFailure, errnoOf } from '../backends/shared/fs-errno.ts';
import { AppError } from '../errors/app-error.ts';
import { renderExposition } from '../observe/metrics/exposition.ts';
import type { Drivers } from './job-backends.ts';
import { restAfterLook } from './look-again.ts';
import type { MetricsDocument } from './metrics-documents.ts';
import { readMetrics } from './read-metrics.ts';
import { serveUntil } from './serve-until.ts';
import { shareReading } from './shared-reading.ts';
import { requireFilePlace, writeWholeFile } from './write-whole-file.ts';

const EXAMPLE = '--out /var/lib/node_exporter/textfile/slurmctl.prom';
/** Figures are this old at least before they are read again, however often somebody asks. */
const FRESH_MS = 10_000;
const TOKEN_CHARS = 32;

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

const TOKEN = /^[A-Za-z0-9]{16,128}$/;
const PRIVATE = 0o077;

/** The token that a scraper is configured with: it stays the same from one run to the next. @throws USAGE */
async function keptToken({ ids }: Drivers, path: string): Promise<string> {
  try {
    const file = await open(path, 'wx', 0o600);
    const token = ids.token(TOKEN_CHARS);
    await file.writeFile(`${token}\n`);
    await file.close();
    return token;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw refused(error, path);
  }
  return readToken(path);
}

async function readToken(path: string): Promise<string> {
  const hint = `Make it private with: chmod 600 ${path}; or name a file that is not there yet, to have one made`;
  try {
    if (((await stat(path)).mode & PRIVATE) !== 0)
      throw new AppError('USAGE', { message: `--token-file: others may read ${path}, so it keeps no secret`, hint });
    const token = (await readFile(path, 'utf8')).trim();
    if (TOKEN.test(token)) return token;
  } catch (error) {
    throw refused(error, path);
  }
  throw new AppError('USAGE', {
    message: `--token-file: ${path} holds no token, expected 16 to 128 letters and digits`,
    hint: 'Name a file that is not there yet, to have one made',
  });
}

const refused = (error: unknown, path: string): unknown =>
  errnoOf(error) === undefined
    ? error
    : new AppError('USAGE', {
        message: `--token-file: ${describeFailure(error, path)}`,
        hint: 'Name a file in a directory that you may write',
      });
