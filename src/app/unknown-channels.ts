/** Recipients that nobody could reach, found before there is a message for them. */
import { isMailAddress, type Alerting, type AlertRule } from '../domain/alert-rule.ts';
import type { Problem } from '../errors/app-error.ts';

/** Names of channels in these rules that the settings do not have. */
export const unknownChannels = ({ channels }: Alerting, rules: readonly AlertRule[]): readonly string[] => [
  ...new Set(rules.flatMap(({ to }) => to).filter((to) => !isMailAddress(to) && !Object.hasOwn(channels, to))),
];

/**
 * For `plan` and `submit`: a warning and no refusal, because the settings of the host that sends count, and may be others than those of the host that
 * submits.
 */
export const warnOfChannels = (alerting: Alerting, rules: readonly AlertRule[] | undefined): readonly Problem[] =>
  unknownChannels(alerting, rules ?? []).map((name) => ({
    message: `alerts: found no channel ${name} in the settings of this host`,
    hint: `Add it under channels: in slurmctl.yaml, or write an e-mail address`,
  }));
