/** How every SDK client here is made: real time-outs, bounded sockets, no retries of its own, counted requests. */

import type { AwsService, AwsTarget } from '../../../domain/backend-url.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Ids, Random } from '../../../ports/random.ts';
import { credentialsOf } from './credentials.ts';
import { awsFailure } from './failure.ts';
import { httpAgents } from './http-agents.ts';
import type { RequestMeter } from './meter.ts';
import { refuseWebPage } from './web-page.ts';
import { loadHttpHandler } from './load-sdk.ts';

/** What every driver of a service is given. */
export interface AwsContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly meter: RequestMeter;
}

const CONNECT_TIMEOUT_MS = 4_000;
/** Longest time from sending a request to the head of its answer, milliseconds: an object part takes longer than an item, a long poll waits 20 s. */
const REQUEST_TIMEOUT_MS = { s3: 60_000, dynamodb: 10_000, sqs: 30_000 } as const;
/** A socket on which nothing moves for so long is dead, also in the middle of a body. */
const IDLE_TIMEOUT_MS = 25_000;
/** A server that is not AWS does not care, but the signature needs some region. */
const REGION_OF_ENDPOINTS = 'us-east-1';

/** The configuration common to the SDK's clients. Nothing is read or sent before the first request. */
export async function awsClientConfig(service: AwsService, target: AwsTarget) {
  // What the SDK says about future versions of Node is for whoever packages slurmctl, not for whoever runs a job.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const { NodeHttpHandler } = loadHttpHandler();
  const region = target.region ?? (target.endpoint === undefined ? undefined : REGION_OF_ENDPOINTS);
  const handlerOptions = {
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS[service],
    // Without this the SDK only warns and hangs.
    throwOnRequestTimeout: true,
    socketTimeout: IDLE_TIMEOUT_MS,
    socketAcquisitionWarningTimeout: REQUEST_TIMEOUT_MS[service],
    ...(await httpAgents(service, target)),
  };
  const credentials = await credentialsOf(target, { region, requestHandler: new NodeHttpHandler(handlerOptions) });
  return {
    maxAttempts: 1,
    ...(region === undefined ? {} : { region }),
    ...(target.endpoint === undefined ? {} : { endpoint: target.endpoint }),
    ...(target.profile === undefined ? {} : { profile: target.profile }),
    ...(credentials === undefined ? {} : { credentials }),
    requestHandler: new NodeHttpHandler(handlerOptions),
  };
}

interface HttpFacts {
  readonly headers?: Readonly<Record<string, string>>;
}

interface Capacity {
  readonly CapacityUnits?: number;
  readonly ReadCapacityUnits?: number;
  readonly WriteCapacityUnits?: number;
}

interface MeteredOutput {
  readonly output: { readonly ConsumedCapacity?: Capacity | readonly Capacity[] };
  readonly response: HttpFacts;
}

/** The part of a client's middleware stack that the meter uses; each SDK client types its own commands. */
interface MeteredClient {
  readonly middlewareStack: {
    add(middleware: never, options: { step: 'deserialize'; name: string; priority: 'high' }): void;
  };
}

const READS = /^(Get|Query|Scan|BatchGet|TransactGet)/;

/** Counts every request of a client, and takes no web page for an answer. */
export function meterClient<C extends MeteredClient>(
  client: C,
  { service, context }: { readonly service: AwsService; readonly context: AwsContext },
): C {
  const { clock, meter } = context;
  const middleware =
    (
      next: (args: { readonly request: HttpFacts }) => Promise<MeteredOutput>,
      { commandName }: { commandName?: string },
    ) =>
    async (args: { readonly request: HttpFacts }): Promise<MeteredOutput> => {
      const operation = (commandName ?? 'unknown').replace(/Command$/, '');
      const startMs = clock.monotonicMs();
      const base = { service, operation, bytesSent: lengthOf(args.request) };
      try {
        const answer = await next(args);
        refuseWebPage(answer.response);
        meter.record({
          ...base,
          outcome: 'answered',
          ms: clock.monotonicMs() - startMs,
          // The answer to HEAD has the length of a body that is not sent.
          bytesReceived: operation.startsWith('Head') ? 0 : lengthOf(answer.response),
          ...unitsOf(operation, answer.output.ConsumedCapacity),
        });
        return answer;
      } catch (error) {
        const kind = awsFailure(error)?.kind;
        const outcome = kind === 'throttled' ? 'throttled' : kind === 'condition-failed' ? 'answered' : 'failed';
        const ms = clock.monotonicMs() - startMs;
        meter.record({ ...base, outcome, ms, bytesReceived: 0, readUnits: 0, writeUnits: 0 });
        throw error;
      }
    };
  client.middlewareStack.add(middleware as never, { step: 'deserialize', name: 'countRequests', priority: 'high' });
  return client;
}

const lengthOf = ({ headers }: HttpFacts): number => Number(headers?.['content-length'] ?? 0);

function unitsOf(operation: string, consumed: Capacity | readonly Capacity[] | undefined) {
  const all =
    consumed === undefined ? [] : Array.isArray(consumed) ? (consumed as readonly Capacity[]) : [consumed as Capacity];
  const units = all.reduce((sum, one) => sum + (one.CapacityUnits ?? 0), 0);
  return READS.test(operation) ? { readUnits: units, writeUnits: 0 } : { readUnits: 0, writeUnits: units };
}
