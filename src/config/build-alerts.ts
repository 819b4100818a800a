import type { HookEvent } from '../domain/alert-rule.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import { hookPaths } from './alert-keys.ts';
import { programOf } from './build-input.ts';
import type { JobBuild } from './job-build.ts';

/** Who is told about the job, and what is run when it ends; keys without anything in them are absent. */
export function buildAlerts(build: JobBuild): Pick<JobSpec, 'alerts' | 'on'> {
  const alerts = build.reader.read('alerts');
  const hooks = hookPaths.flatMap(([event, key]): (readonly [HookEvent, string[]])[] => {
    const argv = build.reader.read(key);
    return argv === undefined ? [] : [[event, programOf(build, key, argv)]];
  });
  return {
    ...(alerts === undefined || alerts.length === 0 ? {} : { alerts }),
    ...(hooks.length === 0 ? {} : { on: Object.fromEntries(hooks) }),
  };
}
