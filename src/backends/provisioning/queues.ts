import type { SQSClient } from '@aws-sdk/client-sqs';
import { AppError } from '../../errors/app-error.ts';
import { MAX_RECEIVES } from '../../ports/retry-queue.ts';
import { createAwsCaller } from '../shared/aws/call.ts';
import { serverOf } from '../../domain/backend-url.ts';
import { awsClientConfig, meterClient, type AwsContext } from '../shared/aws/client-config.ts';
import { DEAD_RETENTION_SEC, HINT_RETENTION_SEC, type QueuePlace } from './places.ts';
import { isNamed, reported, type ReportOf, type ResourceReport } from './report.ts';
import { loadSqs } from '../shared/aws/load-sdk.ts';

const { CreateQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand } = loadSqs();

interface Work {
  readonly client: SQSClient;
  readonly server: string;
  readonly dryRun: boolean;
  readonly ask: <T>(queue: string, operation: string, send: () => Promise<T>) => Promise<T>;
}

interface Found {
  readonly url: string;
  readonly arn: string;
  readonly redrive: string | undefined;
}

/**
 * The queue and the one of its dead letters, which comes first because the redrive policy names it. Encryption is the service's default.
 * Existing ones are not changed.
 */
export async function provisionQueues(
  { queue, aws }: QueuePlace,
  { context, dryRun }: { readonly context: AwsContext; readonly dryRun: boolean },
): Promise<readonly ResourceReport[]> {
  const server = serverOf(aws);
  const config = { ...(await awsClientConfig('sqs', aws)), useQueueUrlAsEndpoint: false } as const;
  const client = meterClient(new (loadSqs().SQSClient)(config), { service: 'sqs', context });
  const call = createAwsCaller({ ...context, maxInFlight: 4 });
  const work: Work = {
    client,
    server,
    dryRun,
    ask: (name, operation, send) =>
      call({ area: 'queue', operation, place: `sqs://${name}`, server, mode: 'idempotent' }, send),
  };
  try {
    const dead = await provision(work, `${queue}-dead`, { kind: 'dead letters', retentionSec: DEAD_RETENTION_SEC });
    const deadArn = dead.arn;
    // Nothing can be said or done about a redrive policy without its target, except in a dry run.
    if (deadArn === null && dead.verdict === 'failed') return [dead];
    const main = await provision(work, queue, { kind: 'queue', retentionSec: HINT_RETENTION_SEC, deadArn });
    return [main, dead];
  } finally {
    client.destroy();
  }
}

interface Wanted {
  readonly kind: 'queue' | 'dead letters';
  readonly retentionSec: number;
  /** For the queue: where its dead letters go; null in a dry run when that is missing. */
  readonly deadArn?: string | null;
}

async function provision(work: Work, queue: string, wanted: Wanted): Promise<ResourceReport> {
  const about = { kind: wanted.kind, name: `sqs://${queue}`, server: work.server };
  return reported(about, async () => {
    const before = await look(work, queue);
    if (before !== null) return judge(about, queue, before, wanted);
    if (work.dryRun) return { ...about, verdict: 'missing', found: ['does not exist'], remedies: [], arn: null };
    const made = await create(work, queue, wanted);
    const redrive =
      wanted.kind === 'queue' ? [`messages received ${MAX_RECEIVES} times go to sqs://${queue}-dead`] : [];
    const kept = `messages are kept for ${wanted.retentionSec / 86_400} days`;
    return { ...about, verdict: 'created', found: [kept, ...redrive], remedies: [], arn: made };
  });
}

async function look({ ask, client }: Work, queue: string): Promise<Found | null> {
  const url = await ask(queue, 'GetQueueUrl', async () => {
    try {
      return (await client.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl ?? null;
    } catch (error) {
      if (isNamed(error, ['QueueDoesNotExist', 'NonExistentQueue'])) return null;
      throw error;
    }
  });
  if (url === null) return null;
  const { Attributes } = await ask(queue, 'GetQueueAttributes', () =>
    client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn', 'RedrivePolicy'] })),
  );
  return { url, arn: Attributes?.QueueArn ?? '', redrive: Attributes?.RedrivePolicy };
}

/** Returns the ARN. @throws QUEUE_UNAVAILABLE for a queue that was deleted a moment ago */
async function create({ ask, client }: Work, queue: string, { retentionSec, deadArn }: Wanted): Promise<string> {
  const redrive = { deadLetterTargetArn: deadArn, maxReceiveCount: MAX_RECEIVES };
  const Attributes = {
    MessageRetentionPeriod: String(retentionSec),
    ...(deadArn === undefined ? {} : { RedrivePolicy: JSON.stringify(redrive) }),
  };
  const url = await ask(queue, 'CreateQueue', async () => {
    try {
      return (await client.send(new CreateQueueCommand({ QueueName: queue, Attributes }))).QueueUrl ?? '';
    } catch (error) {
      if (!isNamed(error, ['QueueDeletedRecently'])) throw error;
      throw new AppError('QUEUE_UNAVAILABLE', {
        message: `sqs://${queue} was deleted less than a minute ago; SQS does not create it again before`,
        hint: 'Wait a minute, then run again: slurmctl init --aws',
        cause: error,
      });
    }
  });
  const made = await ask(queue, 'GetQueueAttributes', () =>
    client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] })),
  );
  return made.Attributes?.QueueArn ?? '';
}

function judge(
  about: ReportOf,
  queue: string,
  { url, arn, redrive }: Found,
  { kind, deadArn }: Wanted,
): ResourceReport {
  if (kind === 'dead letters') return { ...about, verdict: 'exists', found: [], remedies: [], arn };
  const found = redriveProblem(redrive, `${queue}-dead`);
  if (found === null) return { ...about, verdict: 'exists', found: [], remedies: [], arn };
  const target = deadArn ?? arn.replace(/[^:]*$/, `${queue}-dead`);
  const policy = JSON.stringify({ deadLetterTargetArn: target, maxReceiveCount: MAX_RECEIVES });
  const attributes = JSON.stringify({ RedrivePolicy: policy });
  const remedies = [`aws sqs set-queue-attributes --queue-url ${url} --attributes '${attributes}'`];
  return { ...about, verdict: 'wrong', found: [found], remedies, arn };
}

/** What is wrong with a redrive policy; null when nothing is. */
export function redriveProblem(redrive: string | undefined, deadQueue: string): string | null {
  if (redrive === undefined || redrive === '') return 'no redrive policy: messages that fail again and again never end';
  const policy = parsePolicy(redrive);
  const arn = policy['deadLetterTargetArn'];
  const target = typeof arn === 'string' ? arn.slice(arn.lastIndexOf(':') + 1) : '';
  if (target !== deadQueue)
    return `the redrive policy sends dead letters to ${target || 'nowhere'}, expected ${deadQueue}`;
  const receives = Number(policy['maxReceiveCount']);
  return receives === MAX_RECEIVES
    ? null
    : `the redrive policy gives a message up after ${receives} receives, expected ${MAX_RECEIVES}`;
}

function parsePolicy(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
