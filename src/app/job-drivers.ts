/** A job keeps the store, queue and home it was submitted with, whatever the settings of the moment say; only its state is found through them. */
import { isSameBackend, parseBackendUrl } from '../domain/backend-url.ts';
import type { JobIndexItem } from '../domain/job-item.ts';
import { AppError } from '../errors/app-error.ts';
import type { KnownJob } from './find-job.ts';
import { assembleDrivers, type Drivers, type StateUrls } from './job-backends.ts';
import { openQueue, openStore } from './open-backends.ts';

type Remembered = NonNullable<JobIndexItem['backends']>;

/** The drivers of one job, as opposed to those of the settings. */
export type DriversOf = (job: KnownJob) => Promise<Drivers>;

/** Each set of backends is opened once. Jobs of versions that did not write theirs down have those of the settings. */
export function createDriversOf(settings: Drivers): DriversOf {
  const opened = new Map<string, Promise<Drivers>>();
  return async ({ id, backends }) => {
    if (backends === undefined) return settings;
    const urls = urlsOf(settings.urls, checked(id, backends));
    const key = JSON.stringify([urls.home, urls.store, urls.queue]);
    const known = opened.get(key) ?? openBeside(settings, urls);
    opened.set(key, known);
    return known;
  };
}

/** Where both name the same data, the settings know the way of today: a profile or role may have another name by now. */
const urlsOf = (now: StateUrls, then: Remembered): StateUrls => ({
  home: then.home,
  store: isSameBackend(now.store, then.store) ? now.store : then.store,
  state: now.state,
  queue: isSameBackend(now.queue, then.queue) ? now.queue : then.queue,
});

async function openBeside(settings: Drivers, urls: StateUrls): Promise<Drivers> {
  const now = settings.urls;
  const [store, queue] = await Promise.all([
    urls.store === now.store ? settings : openStore(urls.store, settings),
    urls.queue === now.queue ? settings.queue : openQueue(urls.queue, settings),
  ]);
  if (urls.home === now.home && urls.store === now.store && urls.queue === now.queue) return settings;
  return assembleDrivers(settings, urls, {
    store: store.store,
    removeHalfWritten: store.removeHalfWritten,
    state: settings.state,
    queue,
  });
}

function checked(job: string, backends: Remembered): Remembered {
  const schemes = { store: ['file', 's3'], queue: ['file', 'sqs'] } as const;
  for (const name of ['store', 'queue'] as const) {
    const parsed = parseBackendUrl(backends[name]);
    const fits = 'service' in parsed && (schemes[name] as readonly string[]).includes(parsed.service);
    if (!fits)
      throw new AppError('STATE_CORRUPT', {
        message: `job ${job}: its ${name} is written down as something that this version of slurmctl does not know`,
        hint: 'Use the version that submitted the job, or restore the state from a backup',
      });
  }
  return backends;
}
