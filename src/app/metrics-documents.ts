/** What `metrics` returns. */
import type { MetricSample } from '../domain/metrics.ts';

export interface MetricsDocument {
  readonly schema: 'slurmctl.metrics/1';
  /** When the figures were read. */
  readonly at: string;
  /** The figures; what a name and its labels mean is in [metrics.md](metrics.md). */
  readonly samples: readonly MetricSample[];
  /** Jobs whose state could not be read, with why; the command then exits with 5. */
  readonly unreadable: readonly { readonly jobId: string; readonly problem: string }[];
  /** With `--out` the file that was written, with `--serve` the address with its token; else null. */
  readonly path: string | null;
  readonly url: string | null;
}
