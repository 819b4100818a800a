import type { BatchHandle, SubmitRequest } from '../../../ports/batch-system.ts';

/** Content of `request.json`: what the supervisor needs of a `SubmitRequest`. */
export interface StoredRequest {
  readonly version: 1;
  readonly name: string;
  readonly cwd: string;
  readonly logDir: string;
  readonly submittedMs: number;
  readonly isArray: boolean;
  readonly count: number;
  readonly throttle?: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly timeMs: number;
  readonly warnBeforeEndSec: number;
  readonly requeue: boolean;
  readonly beginMs: number;
  readonly after: readonly BatchHandle[];
}

export function storedRequest(request: SubmitRequest, nowMs: number): StoredRequest {
  return {
    version: 1,
    name: request.name,
    cwd: request.cwd,
    logDir: request.logDir,
    submittedMs: nowMs,
    isArray: request.array !== undefined,
    count: request.array?.count ?? 1,
    ...(request.array?.throttle === undefined ? {} : { throttle: request.array.throttle }),
    cpus: request.resources.cpus,
    memoryBytes: request.resources.memoryBytes,
    timeMs: request.resources.timeMs,
    warnBeforeEndSec: request.warnBeforeEndSec,
    requeue: request.requeue,
    beginMs: nowMs + (request.beginAfterSec ?? 0) * 1_000,
    after: request.after ?? [],
  };
}

/** @returns null for anything that is not a stored request of this version */
export function parseStoredRequest(text: string): StoredRequest | null {
  try {
    const value = JSON.parse(text) as Partial<StoredRequest> | null;
    return value?.version === 1 && typeof value.name === 'string' && typeof value.count === 'number'
      ? (value as StoredRequest)
      : null;
  } catch {
    return null;
  }
}
