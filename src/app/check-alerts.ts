/** What `doctor` says of alerts: who cannot be told, and what could not be sent. */
import type { Alerting } from '../domain/alert-rule.ts';
import { isAppError } from '../errors/app-error.ts';
import { readOutbox } from '../observe/alerts/outbox.ts';
import type { DoctorDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { unknownChannels } from './unknown-channels.ts';

type Check = DoctorDocument['checks'][number];

/** Nothing where there is nothing to say. */
export async function checkAlerts({ state }: Pick<Drivers, 'state'>, alerting: Alerting): Promise<readonly Check[]> {
  const unknown = unknownChannels(alerting, alerting.rules);
  const warn = (found: string, remedy: string): Check => ({ name: 'alerts', verdict: 'warn', found, remedy });
  const checks =
    unknown.length === 0
      ? []
      : [
          warn(
            `the settings have rules for ${unknown.join(', ')} and no such channel`,
            'Add it under channels: in slurmctl.yaml, see docs/alerts.md',
          ),
        ];
  const undelivered = await countUndelivered(state).catch((error: unknown) => {
    // State that cannot be read is what the other checks are about.
    if (!isAppError(error)) throw error;
    return null;
  });
  if (undelivered === null) return checks;
  const remedy = 'See which with: slurmctl alert list, then try their channel with: slurmctl alert test CHANNEL';
  return [...checks, warn(undelivered, remedy)];
}

/** Null: everything was sent, or was not tried yet. */
async function countUndelivered(state: Drivers['state']): Promise<string | null> {
  let waiting = 0;
  let lost = 0;
  let last = '';
  for await (const { item } of readOutbox(state)) {
    const hasFailed = item.state === 'waiting' && item.tries > 0;
    if (hasFailed) waiting += 1;
    if (item.state === 'given-up') lost += 1;
    if (hasFailed || item.state === 'given-up') last = `${item.to}: ${item.detail}`;
  }
  if (waiting + lost === 0) return null;
  return `not sent yet: ${waiting}; failed for good, hooks included: ${lost}; the last was ${last}`;
}
