import { describe, expect, it } from 'vitest';
import type { ErrorGroup, ErrorGroups } from '../../../src/domain/error-groups.ts';
import { JOB } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const group: ErrorGroup = {
  key: '1abcdef01234',
  title: 'QuotaError: quota of <str> is used up',
  items: 388,
  share: 0.941,
  attempts: 0,
  tasks: 38,
  causes: [
    {
      cause: 'handler-error',
      explanation: 'the handler threw, or its command exited non-zero',
      items: 388,
      attempts: 0,
    },
  ],
  fingerprints: [{ fingerprint: '1abcdef01234', items: 388, attempts: 0 }],
  fingerprintCount: 1,
  firstSeen: '2026-11-20T12:03:10.000Z',
  lastSeen: '2026-11-20T12:41:59.000Z',
  nodes: [
    { node: 'n17', items: 377, attempts: 0 },
    { node: 'n3', items: 11, attempts: 0 },
  ],
  times: [],
  correlations: [
    { kind: 'node', text: '97 % on node n17, which ran 5 % of the finished items', share: 0.97, expected: 0.05 },
  ],
  heldBack: null,
  sample: {
    task: '000012',
    itemId: 'sample-0042',
    itemIndex: 1_242,
    attempt: '4711_3.0',
    node: 'n17',
    errorClass: 'QuotaError',
    message: 'quota of "u42" is used up',
    at: '2026-11-20T12:10:00.000Z',
    taskState: 'DONE',
    logCommand: `slurmctl logs ${JOB} --item '#1242'`,
    explainCommand: `slurmctl explain ${JOB} --item '#1242'`,
  },
  remedy: {
    advice: 'Correct the handler or what it needs, then run them again: the handler is loaded anew',
    command: `slurmctl retry ${JOB} --error 1abcdef01234`,
    commandItems: 388,
    rule: '{when: {cause: handler-error, error: "QuotaError: quota of * is used up"}, do: fail}',
  },
};
const lost: ErrorGroup = {
  ...group,
  key: '1feedbeef000',
  title: 'node-fail: node n5 died',
  items: 0,
  share: 0,
  attempts: 3,
  tasks: 2,
  causes: [{ cause: 'node-fail', explanation: 'the compute node died', items: 0, attempts: 3 }],
  firstSeen: null,
  nodes: [],
  correlations: [],
  heldBack: 'the retries of 2 tasks are held back; one tries again soon',
  sample: { ...group.sample, itemId: null, itemIndex: null, attempt: null, node: null, errorClass: null },
  remedy: { advice: 'Nothing to run again', command: null, commandItems: 0, rule: null },
};
const document: ErrorGroups = {
  schema: 'slurmctl.error-groups/1',
  jobId: JOB,
  name: 'licences',
  state: 'RUNNING',
  by: 'fingerprint',
  readAt: '2026-11-20T12:42:00.000Z',
  source: 'tasks',
  failedItems: 412,
  failedAttempts: 3,
  items: 10_000,
  unsavedItems: 1,
  groups: [group, lost],
  others: { groups: 7, items: 24, attempts: 0 },
  notes: ['failures are missing of task 000007: \u001b[31mgone'],
};
const show = (shown: ErrorGroups, ...args: string[]) =>
  runInProcess(['analyze-errors', ...args], { app: { analyzeErrors: async () => shown } });

describe('analyze-errors', () => {
  it('shows a paragraph a group and names the way on', async () => {
    const { code, stdout, stderr } = await show(document);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "licences-7k3f9q2m is RUNNING: 412 of 10,000 items failed and 3 attempts ended without a result so far, in 9 groups
      1 item failed in attempts that run and is not saved yet

      1. QuotaError: quota of <str> is used up
         failed      388 items (94 %) of 38 tasks
         cause       handler-error: the handler threw, or its command exited non-zero
         kind        1abcdef01234
         seen        2026-11-20 12:03 to 2026-11-20 12:41 UTC
         nodes       n17 377 ×, n3 11 ×
         stands out  97 % on node n17, which ran 5 % of the finished items
         sample      item sample-0042 of task 000012 (4711_3.0 on n17): QuotaError: quota of "u42" is used up
                     slurmctl logs licences-7k3f9q2m --item '#1242'
                     slurmctl explain licences-7k3f9q2m --item '#1242'
         remedy      Correct the handler or what it needs, then run them again: the handler is loaded anew
                     slurmctl retry licences-7k3f9q2m --error 1abcdef01234   # runs 388 items again
         rule        - {when: {cause: handler-error, error: "QuotaError: quota of * is used up"}, do: fail}   # if trying again never helps

      2. node-fail: node n5 died
         failed      3 attempts of 2 tasks
         cause       node-fail: the compute node died
         kind        1abcdef01234
         held back   the retries of 2 tasks are held back; one tries again soon
         sample      an attempt at task 000012: quota of "u42" is used up
                     slurmctl logs licences-7k3f9q2m --item '#1242'
                     slurmctl explain licences-7k3f9q2m --item '#1242'
         remedy      Nothing to run again

      … and 7 smaller groups
      note: failures are missing of task 000007: \\x1b[31mgone
      "
    `);
    expect(stderr).toBe(`next: slurmctl retry ${JOB} --error 1abcdef01234 --dry-run\n`);
  });

  it('asks for the newest job by fingerprint, or as it is told', async () => {
    const asked: unknown[] = [];
    const analyzeErrors = async (request: unknown) => {
      asked.push(request);
      return document;
    };
    await runInProcess(['analyze-errors'], { app: { analyzeErrors } });
    await runInProcess(['analyze-errors', 'a', '--by', 'Node'], { app: { analyzeErrors } });
    expect(asked).toEqual([
      { job: '@last', by: 'fingerprint' },
      { job: 'a', by: 'node' },
    ]);
    const { code, stderr } = await runInProcess(['analyze-errors', '--by', 'host'], { app: { analyzeErrors } });
    expect([code, stderr]).toEqual([2, expect.stringContaining('expected fingerprint, cause, node, time, task')]);
  });

  it('says so when nothing has failed', async () => {
    const none = {
      ...document,
      failedItems: 0,
      failedAttempts: 0,
      unsavedItems: 0,
      groups: [],
      others: null,
      notes: [],
    };
    expect((await show(none)).stdout).toBe(`${JOB} is RUNNING: nothing has failed so far\n`);
    const { stdout, stderr } = await show({ ...none, state: 'COMPLETED' });
    expect([stdout, stderr]).toEqual([`${JOB} is COMPLETED: nothing has failed\n`, `next: slurmctl status ${JOB}\n`]);
  });

  it('shows what handlers said without letting it act', async () => {
    const evil = '\u001b[2J\u001b]0;title\u0007\u202E😀\r\n2. fake group';
    const sample = { ...group.sample, message: evil.repeat(40_000), itemId: evil, node: evil, errorClass: evil };
    const nodes = [{ node: evil, items: 1, attempts: 0 }];
    const correlations = [{ kind: 'node', text: evil, share: 1, expected: 0 }] as const;
    const remedy = { ...group.remedy, advice: evil, rule: evil };
    const hostile = { ...group, title: evil.repeat(9), sample, nodes, correlations, heldBack: evil, remedy };
    const { stdout } = await show({ ...document, groups: [hostile], others: null, notes: [evil] });
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(stdout.split('\n').filter((line) => line.startsWith('2.'))).toEqual([]);
    expect(stdout.length).toBeLessThan(5_000);
  });

  it('--json prints the document as it is', async () => {
    const { stdout } = await show(document, '--json', '--quiet');
    expect(JSON.parse(stdout)).toEqual(document);
  });
});
