/** The two queues behind one `sqs://` address, and how they are asked. */

import type { SQSClient } from '@aws-sdk/client-sqs';
import { type BackendUrl, serverOf } from '../../domain/backend-url.ts';
import { createAwsCaller, type CallMode } from '../shared/aws/call.ts';
import { awsClientConfig, meterClient, type AwsContext } from '../shared/aws/client-config.ts';
import { loadSqs } from '../shared/aws/load-sdk.ts';

const { GetQueueUrlCommand } = loadSqs();

/** Messages on their way, or those that nobody acknowledged. */
export type Which = 'live' | 'dead';

export interface QueueCall {
  readonly which: Which;
  readonly operation: string;
  readonly mode: CallMode;
  readonly signal?: AbortSignal | undefined;
}

/** One request; `to.url` names the queue, `to.http` goes to the client's `send`. */
export type QueueRequest<T> = (
  client: SQSClient,
  to: { readonly url: string; readonly http: { readonly abortSignal?: AbortSignal } },
) => Promise<T>;

export interface SqsQueues {
  /**
   * Sends a request, and again as far as its mode allows. Both queues are looked up before the first one.
   * @throws AppError QUEUE_* or AWS_*, the signal's reason
   */
  ask<T>(call: QueueCall, request: QueueRequest<T>): Promise<T>;
}

/** Calls in flight of one process: a queue is not worth more. */
const MAX_IN_FLIGHT = 16;

/** Dead letters go to `<queue>-dead`. Nothing is sent before the first request. */
export async function openSqsQueues(
  { queue, aws }: Extract<BackendUrl, { service: 'sqs' }>,
  context: AwsContext,
): Promise<SqsQueues> {
  // Requests go to the endpoint that was configured, whatever host a queue's URL names. Bodies are checked when they are read, and a host in
  // FIPS mode has no MD5.
  const config = { ...(await awsClientConfig('sqs', aws)), useQueueUrlAsEndpoint: false, md5: false } as const;
  const client = meterClient(new (loadSqs().SQSClient)(config), { service: 'sqs', context });
  const call = createAwsCaller({ ...context, maxInFlight: MAX_IN_FLIGHT });
  const server = serverOf(aws);
  const names: Readonly<Record<Which, string>> = { live: queue, dead: `${queue}-dead` };
  const facts = (which: Which) => ({ area: 'queue', place: `sqs://${names[which]}`, server }) as const;

  const lookUp = async (which: Which): Promise<string> => {
    const found = await call({ ...facts(which), operation: 'GetQueueUrl', mode: 'read' }, () =>
      client.send(new GetQueueUrlCommand({ QueueName: names[which] })),
    );
    return found.QueueUrl ?? '';
  };
  let known: Promise<Readonly<Record<Which, string>>> | undefined;
  const urls = (): Promise<Readonly<Record<Which, string>>> => {
    known ??= Promise.all([lookUp('live'), lookUp('dead')]).then(
      ([live, dead]) => ({ live, dead }),
      (error: unknown) => {
        // Whoever asks next may find them.
        known = undefined;
        throw error;
      },
    );
    return known;
  };

  return {
    async ask({ which, operation, mode, signal }, request) {
      const url = (await urls())[which];
      const http = signal === undefined ? {} : { abortSignal: signal };
      const described = { ...facts(which), operation, mode, ...(signal === undefined ? {} : { signal }) };
      return call(described, () => request(client, { url, http }));
    },
  };
}
