/** One message of the probe's own on its way through a queue that others use. */

import type { Message } from '@aws-sdk/client-sqs';
import type { SqsProbe } from './sqs.ts';
import { broken, doubtful, fine, type Verdict } from './verdict.ts';
import { loadSqs } from '../shared/aws/load-sdk.ts';

const { ChangeMessageVisibilityCommand, DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } = loadSqs();

const NAME = 'queue messages';
const DELAY_SEC = 1;
const HIDDEN_SEC = 20;
/** Long polls until the message has to be there. */
const POLLS = 3;

interface Queue {
  readonly url: string;
  /** Messages of others that can be received now. */
  readonly waiting: number;
}

/**
 * Sends a message with a delay, receives it, finds it hidden, deletes it. While messages of others wait nothing is received: every receive
 * counts for a message and brings it nearer to the dead letters.
 */
export async function lookAtMessages(probe: SqsProbe, { url, waiting }: Queue): Promise<Verdict> {
  if (waiting > 0) return fine(NAME, `${waiting} messages wait; none was touched, and nothing was sent`);
  const { client, asking, context } = probe;
  const body = JSON.stringify({ doctor: context.ids.ulid() });
  await asking.ask('SendMessage', (options) =>
    client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body, DelaySeconds: DELAY_SEC }), options),
  );
  const sentMs = context.clock.monotonicMs();
  const early = await receive(probe, { url, body, waitSec: 0 });
  const isEarly = early !== null && context.clock.monotonicMs() - sentMs < DELAY_SEC * 1_000;
  let own = early;
  for (let poll = 0; own === null && poll < POLLS; poll += 1) own = await receive(probe, { url, body, waitSec: 1 });
  if (own === null)
    return doubtful(
      NAME,
      `a message did not come back within ${POLLS} s`,
      'Nothing to do if a worker of yours takes messages off this queue; hints only save time',
    );
  const again = await receive(probe, { url, body, waitSec: 0 });
  await remove(probe, url, [own, ...(again === null ? [] : [again])]);
  if (again !== null)
    return broken(
      NAME,
      'a message that was received could be received again at once',
      'Use a server that honours the visibility time-out',
    );
  if (isEarly)
    return broken(NAME, `a message came before its delay of ${DELAY_SEC} s`, 'Use a server that honours DelaySeconds');
  return fine(NAME, 'delayed, received once, hidden and removed');
}

/** Our message if it comes; whatever else comes goes back at once. */
async function receive(
  { client, asking }: SqsProbe,
  { url, body, waitSec }: { readonly url: string; readonly body: string; readonly waitSec: number },
): Promise<Message | null> {
  const answer = await asking.ask('ReceiveMessage', (options) =>
    client.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: HIDDEN_SEC,
        WaitTimeSeconds: waitSec,
      }),
      options,
    ),
  );
  const messages = answer.Messages ?? [];
  const own = messages.find(({ Body }) => Body === body) ?? null;
  await Promise.all(
    messages
      .filter((message) => message !== own)
      .map(({ ReceiptHandle }) =>
        asking.ask('ChangeMessageVisibility', (options) =>
          client.send(
            new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 }),
            options,
          ),
        ),
      ),
  );
  return own;
}

async function remove({ client, asking }: SqsProbe, url: string, messages: readonly Message[]): Promise<void> {
  for (const { ReceiptHandle } of messages)
    await asking.ask('DeleteMessage', (options) =>
      client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }), options),
    );
}
