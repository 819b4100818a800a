import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestCount } from '../../src/app/documents.ts';
import type { RequestTotals } from '../../src/backends/shared/aws/meter.ts';
import { BILLED, type Bill, type Billed } from './aws-cost-model.ts';

type Counted = Pick<RequestCount | RequestTotals, 'service' | 'operation' | 'requests' | 'readUnits' | 'writeUnits'>;

/** What a command with `SLURMCTL_TIMING=json` asked for, from what it printed on stderr. */
export function requestsOfCommand(stderr: string): RequestCount[] {
  const at = stderr.indexOf('{"schema":"slurmctl.timing/1"');
  if (at < 0) throw new Error(`no timing in: ${stderr}`);
  return (JSON.parse(stderr.slice(at)) as { requests: RequestCount[] }).requests;
}

/** What the elements of a job and its finalisers asked for, from what they left below `elements` in the home directory. */
export function requestsOfElements(home: string, job: string): { elements: number; requests: Counted[] } {
  const directory = join(home, 'elements', job);
  const outputs = (below: string): string[] =>
    readdirSync(join(directory, below))
      .filter((name) => name.endsWith('.out'))
      .map((name) => readFileSync(join(directory, below, name), 'utf8'));
  const ended = outputs('').map((text) => {
    const line = text.split('\n').find((one) => one.includes('"msg":"element ended"'));
    if (line === undefined) throw new Error(`an element of ${job} has not ended well:\n${text}`);
    return (JSON.parse(line) as { requests: RequestTotals[] }).requests;
  });
  return { elements: ended.length, requests: [...ended.flat(), ...outputs('advance').flatMap(requestsOfCommand)] };
}

const COUNTS: Readonly<Record<string, readonly [Billed, (request: Counted) => number]>> = {
  'dynamodb PutItem': ['writes', ({ writeUnits }) => writeUnits],
  'dynamodb UpdateItem': ['writes', ({ writeUnits }) => writeUnits],
  'dynamodb DeleteItem': ['writes', ({ writeUnits }) => writeUnits],
  'dynamodb GetItem': ['reads', ({ readUnits }) => readUnits],
  'dynamodb Query': ['reads', ({ readUnits }) => readUnits],
  's3 PutObject': ['puts', ({ requests }) => requests],
  's3 GetObject': ['gets', ({ requests }) => requests],
  's3 HeadObject': ['gets', ({ requests }) => requests],
  's3 ListObjectsV2': ['lists', ({ requests }) => requests],
};

/** What requests cost, apart from refused writes. @throws Error for one whose price nobody has thought of */
export function billOf(requests: readonly Counted[]): Bill {
  const bill = Object.fromEntries(BILLED.map((billed) => [billed, 0])) as Record<Billed, number>;
  for (const request of requests) {
    const name = `${request.service} ${request.operation}`;
    const counted = request.service === 'sqs' ? (['messages', () => request.requests] as const) : COUNTS[name];
    if (counted === undefined) throw new Error(`${name} is not in the model of costs`);
    bill[counted[0]] += counted[1](request);
  }
  return bill;
}

/** Writes whose condition did not hold: claims of tasks that another element was faster to claim. They are billed, though their answers name no units. */
export function refusedWrites(requests: readonly Counted[]): number {
  const writes = requests.filter((request) => COUNTS[`${request.service} ${request.operation}`]?.[0] === 'writes');
  return writes.reduce((sum, { requests: sent, writeUnits }) => sum + sent - writeUnits, 0);
}
