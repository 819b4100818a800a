import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { knownJobs, type KnownJob } from '../../src/app/find-job.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { readSubmissions, type Submission } from '../../src/coordinator/submissions.ts';
import { readTasks, type Task } from '../../src/coordinator/task-list.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { createCli, numberLines, writeFiles, type Cli } from './cli.ts';
import { compiledProject } from './compiled.ts';
import { eventually, liveElements, type LiveElement, withQuietDir } from './live-processes.ts';
import { openPlace, type Place, type Where } from './places.ts';

export interface SiteOptions {
  readonly items: number;
  readonly batchItems: number;
  /** How long the handler takes for an item. */
  readonly itemMs?: number;
  /** Elements that run at once. */
  readonly slots?: number;
  /** Time limit of an element. */
  readonly time?: string;
  /** Lines of the job file beyond the usual ones. */
  readonly more?: string;
  readonly handler?: string;
  /** Columns of the output beside `doubled`. */
  readonly columns?: string;
  /** Where its state lives; by default in a directory. */
  readonly place?: Where;
}

/** A directory with a job in it, and a view of what is stored and what runs that goes through no slurmctl process. */
export interface CrashSite {
  readonly cli: Cli;
  readonly place: Place;
  /** Its home directory. */
  readonly home: string;
  readonly items: number;
  /** Numbers of the items the handler was called with, in order, once a call. */
  calls(): number[];
  jobs(): Promise<KnownJob[]>;
  /** Submits without waiting; the job's id. */
  submit(...args: string[]): Promise<JobId>;
  meta(job: JobId): Promise<JobMeta | null>;
  tasks(job: JobId): Promise<Task[]>;
  submissions(job: JobId): Promise<Submission[]>;
  /** Elements and finalisers that run. */
  elements(): LiveElement[];
  untilFinal(job: JobId, patienceMs?: number): Promise<JobMeta>;
  /** The supervisor that holds the lock; null when nobody does. */
  supervisorPid(): number | null;
  /** Directories of local submissions that have not come to their end. */
  openSubmissions(): string[];
}

/** Says in a file which item it was called with, and doubles it. */
export const NOTING_HANDLER = `
import { appendFileSync } from 'node:fs';
export default async function handler({ n }) {
  appendFileSync(process.env.CALLS, n + '\\n');
  if (process.env.ITEM_MS) await new Promise((done) => setTimeout(done, Number(process.env.ITEM_MS)));
  return { doubled: n * 2 };
}
`;

export const withCrashSite = <T>(options: SiteOptions, use: (site: CrashSite) => Promise<T>): Promise<T> =>
  withQuietDir(async (directory) => {
    const place = await openPlace({ kind: 'a directory', ...options.place, directory });
    const site = openSite(directory, { ...options, compiled: await compiledProject() }, place);
    try {
      return await use(site);
    } finally {
      await place.proxy?.setRules([]);
      // The supervisor ends what it runs, and itself, once its directory is gone.
      for (const { id } of (await site.jobs()).filter((job) => job.live)) await site.cli('cancel', id);
      await place.close();
    }
  });

function openSite(directory: string, options: SiteOptions & { readonly compiled: string }, place: Place): CrashSite {
  const { compiled, items, itemMs, slots = 2, handler = NOTING_HANDLER } = options;
  const calls = join(directory, 'calls');
  const home = join(directory, '.slurmctl');
  writeFiles(directory, {
    calls: '',
    'handler.mjs': handler,
    'n.jsonl': numberLines(items),
    'job.yaml': jobFile(options),
    ...(place.settings === '' ? {} : { 'slurmctl.yaml': place.settings }),
  });
  const cli = createCli(
    directory,
    {
      ...place.env,
      CALLS: calls,
      SLURMCTL_SCHEDULER: 'local',
      SLURMCTL_LOCAL_SLOTS: String(slots),
      SLURMCTL_SCRATCH: directory,
      ...(itemMs === undefined ? {} : { ITEM_MS: String(itemMs) }),
    },
    compiled,
  );
  const { state } = place;
  const meta = (job: JobId) => readMeta(state, job);
  return {
    cli,
    place,
    home,
    items,
    calls: () => readFileSync(calls, 'utf8').split('\n').filter(Boolean).map(Number),
    jobs: () => knownJobs(state),
    async submit(...args) {
      return (await cli.json<{ jobId: JobId }>(['submit', 'job.yaml', ...args])).jobId;
    },
    meta,
    async tasks(job) {
      const found: Task[] = [];
      for await (const task of readTasks(state, job, (await meta(job))?.shards ?? 1)) found.push(task);
      return found;
    },
    submissions: (job) => readSubmissions(state, job),
    elements: () => liveElements(`CALLS=${calls}`),
    untilFinal: (job, patienceMs) =>
      eventually(
        `${job} is final`,
        async () => {
          const seen = await meta(job);
          return seen !== null && isFinalJobState(seen.state) && seen;
        },
        patienceMs,
      ),
    supervisorPid: () => supervisorPid(join(home, 'local')),
    openSubmissions: () =>
      hostDirs(join(home, 'local'))
        .flatMap((host) => listDir(join(host, 'jobs')))
        .filter((dir) => existsSync(join(dir, 'request.json')) && !existsSync(join(dir, 'ended.json'))),
  };
}

const jobFile = ({ batchItems, time = '5m', more = '', columns = '' }: SiteOptions): string => `
name: crash
input: {file: n.jsonl, id: n}
batch: {items: ${batchItems}}
handler: {module: ./handler.mjs}
resources: {cpus: 1, memory: 256M, time: ${time}}
checkpoint: {every: 1s}
output: {columns: {doubled: int${columns}}}
${more}
`;

const listDir = (dir: string): string[] => (existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : []);

const hostDirs = (local: string): string[] => listDir(local).filter((dir) => existsSync(join(dir, 'instance')));

function supervisorPid(local: string): number | null {
  for (const host of hostDirs(local)) {
    const generations = listDir(join(host, 'lock')).map((path) => Number(path.slice(path.lastIndexOf('/') + 1)));
    const highest = Math.max(0, ...generations.filter(Number.isInteger));
    if (highest === 0) continue;
    const holder = JSON.parse(readFileSync(join(host, 'lock', String(highest)), 'utf8')) as { process: string | null };
    if (holder.process !== null) return Number(holder.process.split(':')[1]);
  }
  return null;
}
