/** What `doctor` says of alerts: who cannot be told, and what could not be sent. */
import type { Alerting } from '../domain/alert-rule.ts';
import { isAppError } from '../errors/app-error.ts';
import { undeliveredTodo, undeliveredWords } from '../observe/alerts/undelivered.ts';
import type { DoctorDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { readUndelivered } from './undelivered.ts';
import { unknownChannels } from './unknown-channels.ts';

type Check = DoctorDocument['checks'][number];

/** Nothing where there is nothing to say. */
export async function checkAlerts(
  drivers: Pick<Drivers, 'state' | 'clock'>,
  alerting: Alerting,
): Promise<readonly Check[]> {
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
  return [...checks, ...(await undeliveredChecks(drivers))];
}

/** Nothing where everything was sent, or was not tried yet. */
async function undeliveredChecks({ state, clock }: Pick<Drivers, 'state' | 'clock'>): Promise<readonly Check[]> {
  const undelivered = await readUndelivered(state, clock.nowMs()).catch((error: unknown) => {
    // State that cannot be read is what the other checks are about.
    if (!isAppError(error)) throw error;
    return [];
  });
  return undelivered.map((one) => ({
    name: 'alerts',
    verdict: 'warn',
    found: `${undeliveredWords(one)}${one.error === null ? '' : `: ${one.error}`}`,
    remedy: `More with: ${undeliveredTodo(one)}`,
  }));
}
