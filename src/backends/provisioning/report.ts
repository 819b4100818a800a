import { isAppError } from '../../errors/app-error.ts';

/** What became of one thing that a job needs. */
export interface ResourceReport {
  readonly kind: 'bucket' | 'table' | 'queue' | 'dead letters';
  /** `s3://bucket`, `dynamodb://table`, `sqs://queue`. */
  readonly name: string;
  /** Where it was looked for: an endpoint, or `AWS eu-central-1`. */
  readonly server: string;
  /**
   * - exists, created: ready for jobs; missing: a dry run would have created it;
   * - wrong: it is there, but not as jobs need it; failed: it could not be looked at or created.
   */
  readonly verdict: 'exists' | 'created' | 'missing' | 'wrong' | 'failed';
  /** What was found and done, one sentence each. */
  readonly found: readonly string[];
  /** What a person has to do, in order. */
  readonly remedies: readonly string[];
  /** Null while unknown. */
  readonly arn: string | null;
}

export type ReportOf = Pick<ResourceReport, 'kind' | 'name' | 'server'>;

/** Runs a step; an expected failure becomes a report, so that the other things are still looked at. */
export async function reported(about: ReportOf, step: () => Promise<ResourceReport>): Promise<ResourceReport> {
  try {
    return await step();
  } catch (error) {
    if (!isAppError(error)) throw error;
    const found = [`${error.message} [${error.code}]`];
    return { ...about, verdict: 'failed', found, remedies: [error.hint], arn: null };
  }
}

/** True for an error that the service sent under one of these names. */
export const isNamed = (error: unknown, names: readonly string[]): boolean =>
  error instanceof Error && names.some((name) => error.name === name || codeOf(error) === name);

const codeOf = (error: Error): string =>
  'Code' in error && typeof error.Code === 'string' ? (error.Code.split('.').at(-1) ?? '') : '';
