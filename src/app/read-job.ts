/** From a job file on disk to what the coordinator takes: validated spec, chosen backends, a handler that loads. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { checkHandler } from '../backends/handler-check/check-handler.ts';
import { loadJobFile } from '../config/job-file.ts';
import type { NewJob } from '../coordinator/needs.ts';
import type { HandlerSpec } from '../domain/job-spec.ts';
import { AppError, type Problem } from '../errors/app-error.ts';
import type { SchedulerChoice } from './choose-scheduler.ts';
import type { StateUrls } from './job-backends.ts';
import { warnOfFailures } from './service-verdicts.ts';

export interface ReadJob extends NewJob {
  /** Of the job file, and of services that were not well when doctor looked last. */
  readonly warnings: readonly Problem[];
}

/** @throws CONFIG_INVALID, CONFIG_NOT_FOUND, HANDLER_NOT_LOADABLE */
export async function readJob(request: {
  readonly jobFile: string;
  readonly set: readonly string[];
  readonly urls: StateUrls;
  readonly choice: SchedulerChoice;
  readonly signal?: AbortSignal;
}): Promise<ReadJob> {
  const { spec, text, warnings } = await loadJobFile(request.jobFile, { overrides: parseOverrides(request.set) });
  await checkHandler(spec.handler, spec.baseDir, request.signal === undefined ? {} : { signal: request.signal });
  return {
    spec,
    backends: { ...request.urls, scheduler: request.choice.scheduler },
    jobText: text,
    handlerSha256: await digestOf(spec.handler),
    warnings: [...warnings, ...(await warnOfFailures(request.urls))],
  };
}

/** `--set key=value` as a table. @throws USAGE */
export function parseOverrides(set: readonly string[]): Record<string, string> {
  const overrides: Record<string, string> = {};
  for (const text of set) {
    const at = text.indexOf('=');
    if (at <= 0)
      throw new AppError('USAGE', {
        message: `--set ${text}: expected key=value`,
        hint: 'For example: --set batch.items=100',
      });
    overrides[text.slice(0, at)] = text.slice(at + 1);
  }
  return overrides;
}

/** For provenance; null when the handler is a program found on PATH. */
async function digestOf(handler: HandlerSpec): Promise<string | null> {
  const path = handler.kind === 'module' ? handler.path : (handler.argv[0] as string);
  const info = path.includes('/') ? await stat(path).catch(() => null) : null;
  if (info === null || !info.isFile()) return null;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
