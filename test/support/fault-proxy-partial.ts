import type { Random } from '../../src/ports/random.ts';
import { escapeXml, type WireAnswer } from './fault-proxy-answers.ts';
import type { Service } from './fault-proxy-rules.ts';

/** A batch of which one part goes to the server and the other is reported as not done. */
export interface SplitBatch {
  /** The request with what goes on. */
  readonly body: Buffer;
  /** Adds the other part to the server's answer. */
  complete(answer: WireAnswer): WireAnswer;
}

interface Batch {
  readonly service: Service;
  readonly operation: string;
  readonly body: Buffer;
}

/**
 * Splits a batch by chance, at least one entry being left out and at least one going on. Null when there are not two entries, or when it is
 * no batch.
 */
export function splitBatch(request: Batch, share: number, random: Random): SplitBatch | null {
  const isLeftOut = (count: number): boolean[] | null => {
    if (count < 2) return null;
    const out = Array.from({ length: count }, () => random.next() < share);
    const sure = Math.floor(random.next() * count);
    if (!out.includes(true)) out[sure] = true;
    if (!out.includes(false)) out[sure] = false;
    return out;
  };
  if (request.service === 's3') return request.operation === 'DeleteObjects' ? splitDeletes(request, isLeftOut) : null;
  if (request.service === 'sqs') return request.operation.endsWith('Batch') ? splitEntries(request, isLeftOut) : null;
  if (request.operation === 'BatchWriteItem') return splitItems(request, isLeftOut, WRITES);
  return request.operation === 'BatchGetItem' ? splitItems(request, isLeftOut, KEYS) : null;
}

type Choose = (count: number) => boolean[] | null;

/** How the entries of a DynamoDB batch lie in `RequestItems` of one table, and under which name those not done come back. */
interface BatchShape {
  readonly unprocessed: string;
  entries(table: unknown): readonly unknown[];
  with(table: unknown, entries: readonly unknown[]): unknown;
}

const WRITES: BatchShape = {
  unprocessed: 'UnprocessedItems',
  entries: (table) => table as unknown[],
  with: (_table, entries) => entries,
};
const KEYS: BatchShape = {
  unprocessed: 'UnprocessedKeys',
  entries: (table) => (table as { Keys: unknown[] }).Keys,
  with: (table, entries) => ({ ...(table as object), Keys: entries }),
};

function splitItems({ body }: Batch, choose: Choose, shape: BatchShape): SplitBatch | null {
  const asked = parse<{ RequestItems: Record<string, unknown> }>(body);
  const all = Object.entries(asked.RequestItems).flatMap(([table, items]) =>
    shape.entries(items).map((entry) => ({ table, entry })),
  );
  const out = choose(all.length);
  if (out === null) return null;
  const part = (left: boolean): Record<string, unknown> => {
    const tables: Record<string, unknown> = {};
    for (const [table, items] of Object.entries(asked.RequestItems)) {
      const entries = all.filter((one, index) => one.table === table && out[index] === left).map(({ entry }) => entry);
      if (entries.length > 0) tables[table] = shape.with(items, entries);
    }
    return tables;
  };
  return {
    body: json({ ...asked, RequestItems: part(false) }),
    complete(answer) {
      if (answer.status !== 200) return answer;
      const told = parse<Record<string, unknown>>(answer.body);
      return { ...answer, body: json({ ...told, [shape.unprocessed]: part(true) }) };
    },
  };
}

function splitEntries({ body }: Batch, choose: Choose): SplitBatch | null {
  const asked = parse<{ Entries: { Id: string }[] }>(body);
  const out = choose(asked.Entries.length);
  if (out === null) return null;
  const failed = asked.Entries.filter((_, index) => out[index]).map(({ Id }) => ({
    Id,
    SenderFault: false,
    Code: 'InternalError',
    Message: 'We encountered an internal error. Please try again.',
  }));
  return {
    body: json({ ...asked, Entries: asked.Entries.filter((_, index) => !out[index]) }),
    complete(answer) {
      if (answer.status !== 200) return answer;
      const told = parse<{ Failed?: unknown[] }>(answer.body);
      return { ...answer, body: json({ ...told, Failed: [...(told.Failed ?? []), ...failed] }) };
    },
  };
}

function splitDeletes({ body }: Batch, choose: Choose): SplitBatch | null {
  const text = body.toString();
  const objects = text.match(/<Object>[\s\S]*?<\/Object>/g) ?? [];
  const out = choose(objects.length);
  if (out === null) return null;
  const errors = objects
    .filter((_, index) => out[index])
    .map((object) => /<Key>([\s\S]*?)<\/Key>/.exec(object)?.[0] ?? '')
    .map(
      (key) =>
        `<Error>${key}<Code>InternalError</Code><Message>${escapeXml('We encountered an internal error.')}</Message></Error>`,
    );
  let index = 0;
  const kept = text.replaceAll(/<Object>[\s\S]*?<\/Object>/g, (object) => (out[index++] === true ? '' : object));
  return {
    body: Buffer.from(kept),
    complete: (answer) =>
      answer.status === 200
        ? {
            ...answer,
            body: Buffer.from(answer.body.toString().replace('</DeleteResult>', `${errors.join('')}</DeleteResult>`)),
          }
        : answer,
  };
}

const parse = <T>(body: Buffer): T => JSON.parse(body.toString()) as T;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
