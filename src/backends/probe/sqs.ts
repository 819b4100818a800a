/** What an SQS server really does: both queues as they are described, and what happens to one message of the probe's own. */

import type { SQSClient } from '@aws-sdk/client-sqs';
import type { AwsBackend } from '../../domain/backend-url.ts';
import { MAX_RECEIVES } from '../../ports/retry-queue.ts';
import type { AwsContext } from '../shared/aws/client-config.ts';
import { looking, type Asking } from './asking.ts';
import { judgeReach } from './reach.ts';
import { lookAtMessages } from './sqs-message.ts';
import { broken, doubtful, fine, type Verdict } from './verdict.ts';
import { loadSqs } from '../shared/aws/load-sdk.ts';

const { GetQueueAttributesCommand, GetQueueUrlCommand } = loadSqs();

/** What the looks at one queue share. */
export interface SqsProbe {
  readonly client: SQSClient;
  readonly asking: Asking;
  readonly backend: AwsBackend & { readonly service: 'sqs' };
  readonly context: AwsContext;
}

/** The retry of a task may be due so much later. */
const SHORTEST_RETENTION_SEC = 86_400;

/** All verdicts on a queue and the queue of its dead letters. Messages of others are given back. */
export async function probeSqs(given: SqsProbe & { readonly server: string }): Promise<Verdict[]> {
  const { asking, backend, server } = given;
  let found: { readonly url: string; readonly attributes: Readonly<Record<string, string>> } | undefined;
  const queue = await looking('queue', async () => {
    found = await describe(given, backend.queue);
    return fine('queue', '');
  });
  if (found === undefined) return [queue];
  const { url, attributes } = found;
  const [deadLetters, messages] = await Promise.all([
    looking('queue dead letters', () => lookAtDeadLetters(given, attributes)),
    looking('queue messages', () => lookAtMessages(given, { url, waiting: waitingIn(attributes) })),
  ]);
  const reach = judgeReach({ name: 'queue', place: `sqs://${backend.queue}`, server, asking });
  return [reach, judgeKind(attributes), deadLetters, messages];
}

const waitingIn = (attributes: Readonly<Record<string, string>>): number =>
  Number(attributes['ApproximateNumberOfMessages'] ?? 0);

async function describe({ client, asking }: SqsProbe, QueueName: string) {
  const answer = await asking.ask('GetQueueUrl', (options) =>
    client.send(new GetQueueUrlCommand({ QueueName }), options),
  );
  const url = answer.QueueUrl ?? '';
  const described = await asking.ask('GetQueueAttributes', (options) =>
    client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }), options),
  );
  return { url, attributes: described.Attributes ?? {} };
}

function judgeKind(attributes: Readonly<Record<string, string>>): Verdict {
  const name = 'queue kind';
  if (attributes['FifoQueue'] === 'true')
    return broken(
      name,
      'a FIFO queue, expected a standard one',
      'FIFO queues hold messages back behind each other; create a standard one with: slurmctl init --aws',
    );
  const retentionSec = Number(attributes['MessageRetentionPeriod'] ?? 345_600);
  const kept = `standard; messages are kept for ${Math.round(retentionSec / 3_600)} h`;
  return retentionSec >= SHORTEST_RETENTION_SEC
    ? fine(name, kept)
    : doubtful(name, kept, 'Keep messages for a day or longer, so that late retries are found quickly');
}

async function lookAtDeadLetters(probe: SqsProbe, attributes: Readonly<Record<string, string>>): Promise<Verdict> {
  const name = 'queue dead letters';
  const wanted = `${probe.backend.queue}-dead`;
  const dead = await describe(probe, wanted);
  const remedy = `Let the queue hand over to ${wanted} after ${MAX_RECEIVES} receives: slurmctl init --aws`;
  const policy = redriveOf(attributes['RedrivePolicy']);
  if (policy === null)
    return doubtful(name, `sqs://${wanted} is there, but nothing leads to it (no redrive policy)`, remedy);
  if (policy.target !== (dead.attributes['QueueArn'] ?? wanted))
    return doubtful(name, `dead letters go to ${policy.target.split(':').at(-1) ?? ''}, not to ${wanted}`, remedy);
  const found = `to sqs://${wanted} after ${policy.receives} receives`;
  return policy.receives === MAX_RECEIVES ? fine(name, found) : doubtful(name, found, remedy);
}

function redriveOf(text: string | undefined): { readonly target: string; readonly receives: number } | null {
  try {
    const policy = JSON.parse(text ?? 'null') as { deadLetterTargetArn?: unknown; maxReceiveCount?: unknown } | null;
    if (typeof policy?.deadLetterTargetArn !== 'string') return null;
    return { target: policy.deadLetterTargetArn, receives: Number(policy.maxReceiveCount) };
  } catch {
    return null;
  }
}
