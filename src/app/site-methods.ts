/** The methods of the app that are about the site and no job: its limits and pools, and who is told about jobs. */
import type { Settings } from '../config/settings.ts';
import type { App } from './api.ts';
import type { Drivers } from './job-backends.ts';

interface Site {
  readonly drivers: Drivers;
  readonly settings: Settings;
}

/** The rate limits of the site. */
export function limiting({
  drivers,
}: Site): Pick<App, 'limitSet' | 'limitList' | 'limitShow' | 'limitWatch' | 'limitDelete'> {
  const commands = async () => import('./limit-commands.ts');
  return {
    limitSet: async (request) => (await commands()).limitSet(drivers, request),
    limitList: async () => (await commands()).limitList(drivers),
    limitShow: async (name) => (await commands()).limitShow(drivers, name),
    async *limitWatch(request) {
      yield* (await commands()).limitWatch(drivers, request);
    },
    limitDelete: async (request) => (await commands()).limitDelete(drivers, request),
  };
}

/** The pools of the site. */
export function pooling({
  drivers,
}: Site): Pick<App, 'poolSet' | 'poolList' | 'poolShow' | 'poolWatch' | 'poolDelete' | 'poolEvict'> {
  const commands = async () => import('./pool-commands.ts');
  return {
    poolSet: async (request) => (await commands()).poolSet(drivers, request),
    poolList: async () => (await commands()).poolList(drivers),
    poolShow: async (name) => (await commands()).poolShow(drivers, name),
    async *poolWatch(request) {
      yield* (await commands()).poolWatch(drivers, request);
    },
    poolDelete: async (request) => (await commands()).poolDelete(drivers, request),
    poolEvict: async (request) => (await import('./pool-evict.ts')).poolEvict(drivers, request),
  };
}

/** Who is told about jobs. */
export function alerting({ drivers, settings }: Site): Pick<App, 'alertTest' | 'alertList'> {
  const commands = async () => import('./alert-commands.ts');
  return {
    alertTest: async (channel) => (await commands()).alertTest(drivers, settings.alerting, channel),
    alertList: async () => (await commands()).alertList(drivers, settings.alerting),
  };
}
