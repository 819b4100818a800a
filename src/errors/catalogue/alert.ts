import { defineErrors } from '../catalogue-entry.ts';

/** Telling people about jobs. */
export const alertErrors = defineErrors({
  ALERT_NO_CHANNEL: {
    exitCode: 2,
    retryable: false,
    summary: 'The settings have no alert channel of this name.',
    hint: 'Add it under channels: in slurmctl.yaml, see docs/alerts.md',
  },
  ALERT_NOT_SENT: {
    exitCode: 5,
    retryable: true,
    summary:
      'A message did not arrive, or nobody knows whether it did. Messages about jobs are tried again by later passes.',
    hint: 'Correct the channel in the settings, then: slurmctl alert test CHANNEL',
  },
});
