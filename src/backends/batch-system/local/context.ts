import type { Clock } from '../../../ports/clock.ts';
import type { Host } from '../../../ports/host.ts';
import type { Ids } from '../../../ports/random.ts';
import type { HostLayout } from './layout.ts';
import type { SubmissionReader } from './read-submission.ts';

/** What the operations of the driver share. */
export interface LocalContext {
  readonly root: string;
  /** Of this host. */
  readonly layout: HostLayout;
  readonly slots: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly host: Host;
  /** Text of templates/sbatch/worker.sh. */
  readonly template: string;
  /** Environment of the submitting process, which elements inherit. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly reader: SubmissionReader;
  /** Returns once somebody supervises this host. @throws BATCH_UNREACHABLE, STATE_FULL */
  readonly ensureSupervisor: () => Promise<void>;
}
