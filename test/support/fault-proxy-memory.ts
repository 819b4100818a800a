import type { Random } from '../../src/ports/random.ts';
import type { WireAnswer } from './fault-proxy-answers.ts';

interface Asked {
  readonly service: string;
  readonly operation: string;
  readonly body: Buffer;
}

interface Message {
  readonly MessageId: string;
  readonly Attributes?: Readonly<Record<string, string>>;
}

/** What the proxy has seen go by, to give it again. */
export interface ProxyMemory {
  /** Notes an answer that went by. */
  note(asked: Asked, answer: WireAnswer): void;
  /** A receive that brings a message of this queue once more; null when none was given yet. */
  redelivery(asked: Asked, random: Random): WireAnswer | null;
  /** What the same read was told the last time that its answer was another than the present one; null when there is none, or for a consistent read. */
  stale(asked: Asked, present: WireAnswer): WireAnswer | null;
}

/** So many messages of a queue are remembered. */
const MESSAGES = 100;
const READS = new Set(['GetItem', 'Query', 'Scan', 'BatchGetItem']);

export function createProxyMemory(): ProxyMemory {
  const given = new Map<string, Message[]>();
  const answers = new Map<string, { last: WireAnswer; older: WireAnswer | null }>();
  return {
    note(asked, answer) {
      if (answer.status !== 200) return;
      if (asked.operation === 'ReceiveMessage') {
        const { Messages = [] } = parse<{ Messages?: Message[] }>(answer.body);
        given.set(queueOf(asked), [...(given.get(queueOf(asked)) ?? []), ...Messages].slice(-MESSAGES));
      } else if (asked.service === 'dynamodb' && READS.has(asked.operation)) {
        const key = questionOf(asked);
        const before = answers.get(key);
        const older = before === undefined ? null : before.last.body.equals(answer.body) ? before.older : before.last;
        answers.set(key, { last: answer, older });
      }
    },
    redelivery(asked, random) {
      const messages = given.get(queueOf(asked)) ?? [];
      const message = messages[Math.floor(random.next() * messages.length)];
      if (message === undefined) return null;
      const count = Number(message.Attributes?.['ApproximateReceiveCount'] ?? 1) + 1;
      const again =
        message.Attributes === undefined
          ? message
          : { ...message, Attributes: { ...message.Attributes, ApproximateReceiveCount: String(count) } };
      return {
        status: 200,
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: Buffer.from(JSON.stringify({ Messages: [again] })),
      };
    },
    stale(asked, present) {
      if (isConsistent(asked)) return null;
      const seen = answers.get(questionOf(asked));
      if (seen === undefined) return null;
      return seen.last.body.equals(present.body) ? seen.older : seen.last;
    },
  };
}

/** The read without what does not change which items it means. */
function questionOf({ operation, body }: Asked): string {
  const { ConsistentRead: _, ReturnConsumedCapacity: __, ...question } = parse<Record<string, unknown>>(body);
  return `${operation} ${JSON.stringify(question).replaceAll(/"ConsistentRead":(true|false),?/g, '')}`;
}

/** BatchGetItem says so for each table. */
const isConsistent = ({ body }: Asked): boolean => body.toString().includes('"ConsistentRead":true');

const queueOf = ({ body }: Asked): string => parse<{ QueueUrl?: string }>(body).QueueUrl ?? '';
const parse = <T>(body: Buffer): T => JSON.parse(body.toString()) as T;
