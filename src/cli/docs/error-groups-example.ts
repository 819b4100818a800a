import type { ErrorGroup, ErrorGroups } from '../../domain/error-groups.ts';

/** A group of the page on failures; a test loads its rule and reads its command. */
export const GROUP_EXAMPLE: ErrorGroup = {
  key: '1f3a90c2b7de',
  title: 'LicenceError: no licence for <str> on <addr>',
  items: 412,
  share: 0.93,
  attempts: 0,
  tasks: 38,
  causes: [
    {
      cause: 'handler-error',
      explanation: 'the handler threw, or its command exited non-zero',
      items: 412,
      attempts: 0,
    },
  ],
  fingerprints: [{ fingerprint: '1f3a90c2b7de', items: 412, attempts: 0 }],
  fingerprintCount: 1,
  firstSeen: '2026-11-20T12:03:10.000Z',
  lastSeen: '2026-11-20T12:41:59.000Z',
  nodes: [
    { node: 'n17', items: 402, attempts: 0 },
    { node: 'n3', items: 10, attempts: 0 },
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
    errorClass: 'LicenceError',
    message: 'no licence for "solver-7" on 10.0.0.17:27000',
    at: '2026-11-20T12:10:00.000Z',
    taskState: 'DONE',
    logCommand: "slurmctl logs licences-7k3f9q2m --item '#1242'",
    explainCommand: "slurmctl explain licences-7k3f9q2m --item '#1242'",
  },
  remedy: {
    advice: 'Correct the handler or what it needs, then run them again: the handler is loaded anew',
    command: 'slurmctl retry licences-7k3f9q2m --error 1f3a90c2b7de',
    commandItems: 412,
    rule: '{when: {cause: handler-error, error: "LicenceError: no licence for * on *"}, do: fail}',
  },
};

export const ERRORS_EXAMPLE: ErrorGroups = {
  schema: 'slurmctl.error-groups/1',
  jobId: 'licences-7k3f9q2m',
  name: 'licences',
  state: 'COMPLETED_WITH_FAILURES',
  by: 'fingerprint',
  readAt: '2026-11-20T12:50:00.000Z',
  source: 'output',
  failedItems: 443,
  failedAttempts: 0,
  items: 10_000,
  unsavedItems: 0,
  groups: [GROUP_EXAMPLE],
  others: { groups: 2, items: 31, attempts: 0 },
  notes: [],
};
