import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationOf } from '../../support/fault-proxy-operation.ts';
import { splitBatch } from '../../support/fault-proxy-partial.ts';
import { badDay, createRuleBook, delayOf, type FaultRule, type RequestFacts } from '../../support/fault-proxy-rules.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const put: RequestFacts = { service: 's3', operation: 'PutObject', about: '/bucket/tasks/1\nbody' };
const update: RequestFacts = { service: 'dynamodb', operation: 'UpdateItem', about: '/\n{"TableName":"t"}' };
const receive: RequestFacts = { service: 'sqs', operation: 'ReceiveMessage', about: '/\n{}' };

const faults = (rules: readonly FaultRule[], request: RequestFacts, times = 1, seed = 1): string[] => {
  const book = createRuleBook(rules, seed);
  return Array.from({ length: times }, () =>
    book
      .decide(request, 0)
      .map(({ rule }) => rule.fault)
      .join('+'),
  );
};

describe('the rules of the fault proxy', () => {
  it('choose by service, operation and content', () => {
    const rule = (more: Partial<FaultRule>): FaultRule[] => [{ fault: 'error', ...more }];
    expect(faults(rule({}), put)).toEqual(['error']);
    expect(faults(rule({ service: 'sqs' }), put)).toEqual(['']);
    expect(faults(rule({ operation: 'PutObject' }), put)).toEqual(['error']);
    expect(faults(rule({ operation: 'Put' }), put)).toEqual(['']);
    expect(faults(rule({ operation: ['GetObject', 'Put*'] }), put)).toEqual(['error']);
    expect(faults(rule({ about: '^/bucket/tasks/' }), put)).toEqual(['error']);
    expect(faults(rule({ about: '"TableName":"t"' }), update)).toEqual(['error']);
    expect(faults(rule({ about: '"TableName":"u"' }), update)).toEqual(['']);
  });

  it('leave requests alone that a fault has no meaning for', () => {
    const of = (fault: FaultRule['fault'], request: RequestFacts) => faults([{ fault }], request)[0];
    expect([of('redirect', put), of('redirect', update)]).toEqual(['redirect', '']);
    expect([of('conflict', update), of('conflict', put)]).toEqual(['conflict', '']);
    expect([of('redeliver', receive), of('redeliver', put)]).toEqual(['redeliver', '']);
    expect([of('stale', update), of('stale', { ...update, operation: 'GetItem' })]).toEqual(['', 'stale']);
    expect([of('alter', put), of('alter', { ...put, operation: 'GetObject' })]).toEqual(['', 'alter']);
    expect([of('unprocessed', update), of('unprocessed', { ...put, operation: 'DeleteObjects' })]).toEqual([
      '',
      'unprocessed',
    ]);
  });

  it('let the first requests pass, and stop after so many', () => {
    expect(faults([{ fault: 'lost', after: 2, max: 2 }], put, 6)).toEqual(['', '', 'lost', 'lost', '', '']);
  });

  it('join delays with one other fault, the first that takes hold', () => {
    const rules: FaultRule[] = [{ fault: 'latency' }, { fault: 'error', max: 1 }, { fault: 'reset' }];
    expect(faults(rules, put, 2)).toEqual(['latency+error', 'latency+reset']);
  });

  it('decide what happens before the body has come by the head alone', () => {
    const book = createRuleBook([{ fault: 'cut-upload' }, { fault: 'error' }], 1);
    const decided = (known: 'head' | 'whole') => book.decide(put, 0, known).map(({ rule }) => rule.fault);
    expect([decided('head'), decided('whole')]).toEqual([['cut-upload'], ['error']]);
  });

  it('do not count what was withdrawn', () => {
    const book = createRuleBook([{ fault: 'redeliver', max: 1 }], 1);
    for (const decision of book.decide(receive, 0)) book.withdraw(decision);
    expect(book.decide(receive, 0)).toHaveLength(1);
    expect(book.decide(receive, 0)).toHaveLength(0);
  });

  it('are the same for the same seed, and take about the share that they shall', () => {
    const rules: FaultRule[] = [{ fault: 'error', rate: 0.2 }];
    expect(faults(rules, put, 200, 7)).toEqual(faults(rules, put, 200, 7));
    expect(faults(rules, put, 200, 7)).not.toEqual(faults(rules, put, 200, 8));
    for (const seed of [1, 2, 3]) {
      const share = faults(rules, put, 5_000, seed).filter((fault) => fault !== '').length / 5_000;
      expect(share).toBeGreaterThan(0.17);
      expect(share).toBeLessThan(0.23);
    }
  });

  it('limit by the second', () => {
    const book = createRuleBook([{ fault: 'limit', perS: 10 }], 1);
    const refused = (nowMs: number, times: number): number =>
      Array.from({ length: times }, () => book.decide(put, nowMs).length).filter((count) => count > 0).length;
    expect(refused(0, 15)).toBe(5);
    expect(refused(500, 15)).toBe(10);
    expect(refused(10_000, 15)).toBe(5);
  });

  it('delay by a number or within a range', () => {
    const random = createSeededRandom(1);
    expect(delayOf({ rule: { fault: 'late', delayMs: 7 }, random })).toBe(7);
    for (let n = 0; n < 50; n += 1) {
      const ms = delayOf({ rule: { fault: 'late', delayMs: [5, 9] }, random });
      expect(ms).toBeGreaterThanOrEqual(5);
      expect(ms).toBeLessThan(9);
    }
  });

  it('make a bad day of the share asked for, with every kind of trouble', () => {
    const seen = faults(badDay(0.2), { ...update, operation: 'BatchWriteItem' }, 10_000).map((fault) =>
      fault.replace(/latency\+?/, ''),
    );
    const trouble = seen.filter((fault) => fault !== '');
    expect(trouble.length / 10_000).toBeGreaterThan(0.17);
    expect(trouble.length / 10_000).toBeLessThan(0.23);
    expect([...new Set(trouble)].toSorted()).toEqual(
      ['error', 'lost', 'lost-error', 'reset', 'throttle', 'truncate', 'unavailable', 'unprocessed'].toSorted(),
    );
  });
});

describe('operations by HTTP request', () => {
  it.each([
    ['GET', '/', 'ListBuckets'],
    ['PUT', '/b', 'CreateBucket'],
    ['PUT', '/b/', 'CreateBucket'],
    ['HEAD', '/b', 'HeadBucket'],
    ['GET', '/b?list-type=2&prefix=a%2F', 'ListObjectsV2'],
    ['GET', '/b/?uploads', 'ListMultipartUploads'],
    ['GET', '/b?location', 'GetBucketLocation'],
    ['PUT', '/b?lifecycle', 'PutBucketLifecycle'],
    ['POST', '/b?delete', 'DeleteObjects'],
    ['PUT', '/b/a/b?x-id=PutObject', 'PutObject'],
    ['PUT', '/b/a?partNumber=1&uploadId=u', 'UploadPart'],
    ['POST', '/b/a?uploads', 'CreateMultipartUpload'],
    ['POST', '/b/a?uploadId=u', 'CompleteMultipartUpload'],
    ['DELETE', '/b/a?uploadId=u', 'AbortMultipartUpload'],
    ['DELETE', '/b/a', 'DeleteObject'],
    ['GET', '/b/a', 'GetObject'],
    ['HEAD', '/b/a', 'HeadObject'],
  ])('%s %s is %s', (method, url, operation) => {
    expect(operationOf(method, url, {})).toEqual({ service: 's3', operation });
  });

  it('reads the header of the JSON protocols', () => {
    expect(operationOf('POST', '/', { 'x-amz-target': 'DynamoDB_20120810.PutItem' })).toEqual({
      service: 'dynamodb',
      operation: 'PutItem',
    });
    expect(operationOf('POST', '/', { 'x-amz-target': 'AmazonSQS.SendMessage' })).toEqual({
      service: 'sqs',
      operation: 'SendMessage',
    });
    expect(operationOf('PUT', '/b/a', { 'x-amz-copy-source': '/b/c' }).operation).toBe('CopyObject');
  });
});

describe('a batch that is partly done', () => {
  const answer = (value: unknown) => ({ status: 200, headers: {}, body: Buffer.from(JSON.stringify(value)) });
  const ids = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 2, maxLength: 25 });

  it('neither loses nor doubles a write of DynamoDB, and leaves some for each side', () => {
    fc.assert(
      fc.property(ids, ids, fc.double({ min: 0, max: 1, noNaN: true }), fc.integer(), (one, two, share, seed) => {
        const asked = {
          RequestItems: {
            one: one.map((id) => ({ PutRequest: { id } })),
            two: two.map((id) => ({ PutRequest: { id } })),
          },
        };
        const request = { service: 'dynamodb' as const, operation: 'BatchWriteItem' };
        const body = Buffer.from(JSON.stringify(asked));
        const split = splitBatch({ ...request, body }, share, createSeededRandom(seed));
        if (split === null) throw new Error('not split');
        const names = (items: Record<string, { PutRequest: { id: string } }[]>) =>
          Object.entries(items).flatMap(([table, entries]) =>
            entries.map(({ PutRequest }) => `${table} ${PutRequest.id}`),
          );
        const sent = names(JSON.parse(split.body.toString()).RequestItems);
        const left = names(JSON.parse(split.complete(answer({})).body.toString()).UnprocessedItems);
        expect(sent.length).toBeGreaterThan(0);
        expect(left.length).toBeGreaterThan(0);
        expect([...sent, ...left].toSorted()).toEqual(names(asked.RequestItems).toSorted());
      }),
    );
  });

  it('gives unread keys back with the projection of their table', () => {
    const asked = { RequestItems: { t: { Keys: [{ pk: 1 }, { pk: 2 }], ProjectionExpression: 'pk' } } };
    const body = Buffer.from(JSON.stringify(asked));
    const split = splitBatch({ service: 'dynamodb', operation: 'BatchGetItem', body }, 0.5, createSeededRandom(1));
    const { UnprocessedKeys } = JSON.parse(split?.complete(answer({})).body.toString() ?? '{}');
    expect(UnprocessedKeys.t).toMatchObject({ Keys: [{}], ProjectionExpression: 'pk' });
  });

  it('names entries of SQS and objects of S3 that failed', () => {
    const entries = { QueueUrl: 'q', Entries: [{ Id: 'a' }, { Id: 'b' }] };
    const random = createSeededRandom(3);
    const sqs = splitBatch(
      { service: 'sqs', operation: 'SendMessageBatch', body: Buffer.from(JSON.stringify(entries)) },
      0.5,
      random,
    );
    const told = JSON.parse(sqs?.complete(answer({ Successful: [{}] })).body.toString() ?? '{}');
    expect(told.Failed).toMatchObject([{ SenderFault: false, Code: 'InternalError' }]);
    expect(JSON.parse(sqs?.body.toString() ?? '{}').Entries).toHaveLength(1);
    const xml = '<Delete><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key></Object></Delete>';
    const s3 = splitBatch({ service: 's3', operation: 'DeleteObjects', body: Buffer.from(xml) }, 0.5, random);
    const done = s3?.complete({ status: 200, headers: {}, body: Buffer.from('<DeleteResult></DeleteResult>') });
    expect(s3?.body.toString().match(/<Object>/g)).toHaveLength(1);
    expect(done?.body.toString()).toMatch(/^<DeleteResult><Error><Key>.*<Code>InternalError<.*<\/DeleteResult>$/);
  });

  it('is not made of one entry', () => {
    const body = Buffer.from(JSON.stringify({ Entries: [{ Id: 'a' }] }));
    expect(splitBatch({ service: 'sqs', operation: 'SendMessageBatch', body }, 1, createSeededRandom(1))).toBeNull();
  });
});
