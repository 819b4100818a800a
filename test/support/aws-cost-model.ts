/**
 * What a job asks of S3, DynamoDB and SQS, as numbers: the table in docs/operations/aws.md is made from them, and a test holds them against
 * the requests of real jobs. For jobs in which nothing goes wrong and whose tasks take less than half a minute; what comes on top is
 * in words beside the table.
 */

/** What a bill counts. */
export const BILLED = ['writes', 'reads', 'puts', 'gets', 'lists', 'messages'] as const;
export type Billed = (typeof BILLED)[number];
export type Bill = Readonly<Record<Billed, number>>;

interface Share {
  /** Whatever the size of the job; the most that is seen. */
  readonly job: number;
  readonly task: number;
  readonly element: number;
  /** For each element and each task of the job: at its end an element looks for tasks that nobody has begun. */
  readonly elementTask: number;
}

const share = (parts: Partial<Share>): Share => ({ job: 0, task: 0, element: 0, elementTask: 0, ...parts });

export const COST_MODEL: Readonly<Record<Billed, Share>> = {
  // Created, claimed, committed.
  writes: share({ job: 25, task: 3 }),
  // Before the claim; then the listings of submit, of the finaliser and of the page it stores.
  reads: share({ job: 50, task: 1.5, element: 5, elementTask: 0.06 }),
  // Batch and manifest; result file, part and `done.json`.
  puts: share({ job: 10, task: 5 }),
  // Batch and manifest; the same three; then what the page of the end shows.
  gets: share({ job: 25, task: 5, element: 1 }),
  lists: share({ job: 1 }),
  messages: share({ job: 10 }),
};

export interface JobSize {
  readonly tasks: number;
  /** Array elements; each looks through the tasks once. */
  readonly elements: number;
}

/** What a job of this size is expected to ask for. */
export function expectedBill({ tasks, elements }: JobSize): Bill {
  const sum = ({ job, task, element, elementTask }: Share): number =>
    job + tasks * task + elements * (element + tasks * elementTask);
  return Object.fromEntries(BILLED.map((billed) => [billed, Math.round(sum(COST_MODEL[billed]))])) as Bill;
}

/** US dollars a million, AWS's list prices for us-east-1 as remembered in November 2026: an assumption, not a quotation. */
export const PRICES: Bill = { writes: 0.625, reads: 0.125, puts: 5, gets: 0.4, lists: 5, messages: 0.4 };

/** US dollars. */
export const dollarsOf = (bill: Bill): number =>
  BILLED.reduce((sum, billed) => sum + (bill[billed] * PRICES[billed]) / 1e6, 0);

const WORDS: Readonly<Record<Billed, string>> = {
  writes: 'DynamoDB, write request units',
  reads: 'DynamoDB, read request units',
  puts: 'S3, PUT',
  gets: 'S3, GET and HEAD',
  lists: 'S3, LIST',
  messages: 'SQS, requests',
};

/** The size whose bill is the last column of the table. */
export const EXAMPLE = { items: 1_000_000, tasks: 10_000, elements: 64 };

/** The table of the page, in Markdown. */
export function costTable(): string {
  const bill = expectedBill(EXAMPLE);
  const whole = (value: number): string => value.toLocaleString('en-US');
  const dollars = (value: number): string => (value < 0.001 ? '< $0.001' : `$${value.toFixed(3)}`);
  const example = `${whole(EXAMPLE.items)} items, ${whole(EXAMPLE.tasks)} tasks, ${EXAMPLE.elements} elements`;
  const rows = BILLED.map((billed) => {
    const { job, task, element, elementTask } = COST_MODEL[billed];
    const perElement = elementTask === 0 ? `${element}` : `${element} + ${elementTask} × tasks`;
    const cells = [`≤ ${job}`, whole(task * 1_000), perElement, whole(bill[billed])];
    const money = [`$${PRICES[billed]}`, dollars((bill[billed] * PRICES[billed]) / 1e6)];
    return `| ${[WORDS[billed], ...cells, ...money].join(' | ')} |`;
  });
  return [
    `| what is billed | a job | 1,000 tasks | an element | ${example} | a million | cost |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    `| all | | | | | | $${dollarsOf(bill).toFixed(2)} |`,
  ].join('\n');
}
