import type { CommandFamily } from './define-command.ts';

/** First words that several commands share. */
export const families: readonly CommandFamily[] = [
  {
    name: 'alert',
    group: 'Upkeep',
    summary: 'Messages to people about jobs: test, list',
    description:
      'Messages to people about jobs: by mail, webhook, Slack or a program. Channels and rules are in the settings (`channels`, `alerts`), rules of one job in its job file.',
  },
  {
    name: 'limit',
    group: 'Upkeep',
    summary: 'Rate limits that all jobs share: set, list, show, delete',
    description:
      'Rate limits of a site, such as that of an API key: shared by all jobs, users and hosts that name them. Jobs use them by the `limits` of their job file.',
  },
  {
    name: 'pool',
    group: 'Upkeep',
    summary: 'Pools of slots that all jobs share: set, list, show, delete, evict',
    description:
      'Pools of a site, such as the licences of a program or the connections of a database: at most so many hold one at a time, over all jobs, users and hosts that name it. Jobs use them by the `pools` of their job file.',
  },
];
