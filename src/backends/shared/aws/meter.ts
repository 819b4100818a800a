/** What the services were asked for, counted by service and operation; `--timing` shows it and the benches divide by it. */

import type { AwsService } from '../../../domain/backend-url.ts';

export interface RequestTotals {
  readonly service: AwsService;
  readonly operation: string;
  /** Requests sent, repetitions included. */
  readonly requests: number;
  /** Of those, answered with "too fast". */
  readonly throttled: number;
  /** Of those, failed in another way (a refused condition is an answer, not a failure). */
  readonly failed: number;
  /** Sum of the time until the answer, milliseconds. */
  readonly ms: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** DynamoDB capacity units as the service reports them; 0 where it does not. */
  readonly readUnits: number;
  readonly writeUnits: number;
}

export type RequestRecord = Omit<RequestTotals, 'requests' | 'throttled' | 'failed'> & {
  readonly outcome: 'answered' | 'throttled' | 'failed';
};

export interface RequestMeter {
  record(request: RequestRecord): void;
  /** From now on, tells of each request that a service refused as too fast. */
  onThrottled(listener: (service: AwsService) => void): void;
  /** In order of service and operation; times in whole milliseconds. */
  totals(): RequestTotals[];
}

export function createRequestMeter(): RequestMeter {
  const totals = new Map<string, RequestTotals>();
  const listeners: ((service: AwsService) => void)[] = [];
  return {
    record(request) {
      const { service, operation, outcome } = request;
      if (outcome === 'throttled') for (const listener of listeners) listener(service);
      const key = `${service} ${operation}`;
      const sum = totals.get(key) ?? nothing(service, operation);
      totals.set(key, {
        service,
        operation,
        requests: sum.requests + 1,
        throttled: sum.throttled + Number(outcome === 'throttled'),
        failed: sum.failed + Number(outcome === 'failed'),
        ms: sum.ms + request.ms,
        bytesSent: sum.bytesSent + request.bytesSent,
        bytesReceived: sum.bytesReceived + request.bytesReceived,
        readUnits: sum.readUnits + request.readUnits,
        writeUnits: sum.writeUnits + request.writeUnits,
      });
    },
    onThrottled: (listener) => void listeners.push(listener),
    totals: () =>
      [...totals.entries()]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([, sum]) => ({ ...sum, ms: Math.round(sum.ms) })),
  };
}

const nothing = (service: AwsService, operation: string): RequestTotals => ({
  service,
  operation,
  requests: 0,
  throttled: 0,
  failed: 0,
  ms: 0,
  bytesSent: 0,
  bytesReceived: 0,
  readUnits: 0,
  writeUnits: 0,
});
