import { expect, it } from 'vitest';
import { unknownChannels, warnOfChannels } from '../../../src/app/unknown-channels.ts';
import type { Alerting } from '../../../src/domain/alert-rule.ts';

const alerting: Alerting = {
  channels: { ops: { kind: 'mail', to: ['ops@example.org'] } },
  mail: { sendmail: '/usr/sbin/sendmail' },
  rules: [],
};

it('a recipient that is neither an address nor a channel of the settings is found, once', () => {
  const rules = [
    { when: 'failed', to: ['ops', 'me@example.org', 'constructor'] },
    { when: 'ended', to: ['constructor', 'team'] },
  ] as const;
  expect(unknownChannels(alerting, rules)).toEqual(['constructor', 'team']);
  expect(warnOfChannels(alerting, rules).map(({ message }) => message)).toEqual([
    'alerts: found no channel constructor in the settings of this host',
    'alerts: found no channel team in the settings of this host',
  ]);
  expect(warnOfChannels(alerting, undefined)).toEqual([]);
});
