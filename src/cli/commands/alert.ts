import { defineCommand, required } from '../define-command.ts';

const alertTest = defineCommand({
  name: 'alert test',
  group: 'Upkeep',
  summary: 'Send a test message to a channel',
  description:
    'Sends a message that says it is a test, at once, and says whether it was accepted. CHANNEL is the name of a channel of the settings, or an e-mail address.',
  args: { channel: required('Name of the channel, or an e-mail address') },
  options: {},
  examples: [
    { command: 'slurmctl alert test team', what: 'Does the channel `team` work?' },
    { command: 'slurmctl alert test me@example.org', what: 'Does mail leave this host?' },
  ],
  run: async (session, { args: { channel } }) => {
    const document = await (await session.app()).alertTest(channel);
    const { renderAlertTest } = await import('../render/alert.ts');
    await session.show(document, renderAlertTest);
    return 0;
  },
});

const alertList = defineCommand({
  name: 'alert list',
  group: 'Upkeep',
  summary: 'List channels, rules, and messages that wait or were sent',
  description:
    'Lists the channels and rules of the settings, and the messages and hooks of all jobs: what waits to be sent, and for three days what was sent or given up.',
  args: {},
  options: {},
  examples: [{ command: 'slurmctl alert list', what: 'Was anybody told?' }],
  run: async (session) => {
    const document = await (await session.app()).alertList();
    const { renderAlertList } = await import('../render/alert.ts');
    await session.show(document, renderAlertList);
    const first = document.channels[0];
    if (first === undefined) session.note('no channels; see docs/alerts.md for how to add one');
    else session.next(`slurmctl alert test ${first.name}`);
    return 0;
  },
});

/** `alert test`, `alert list`. */
export const alertCommands = [alertTest, alertList];
