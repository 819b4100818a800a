import { alertErrors } from './catalogue/alert.ts';
import { awsErrors } from './catalogue/aws.ts';
import { batchErrors } from './catalogue/batch.ts';
import { cliErrors } from './catalogue/cli.ts';
import { configErrors } from './catalogue/config.ts';
import { inputErrors } from './catalogue/input.ts';
import { jobErrors } from './catalogue/job.ts';
import { limitErrors } from './catalogue/limit.ts';
import { outputErrors } from './catalogue/output.ts';
import { poolErrors } from './catalogue/pool.ts';
import { siteErrors } from './catalogue/site.ts';
import { stateErrors } from './catalogue/state.ts';
import { storeErrors } from './catalogue/store.ts';
import { workerErrors } from './catalogue/worker.ts';

/** Every expected failure, by code. A code is stable: scripts match on it. One file an area, so that each stays readable. */
export const catalogue = {
  ...cliErrors,
  ...configErrors,
  ...inputErrors,
  ...jobErrors,
  ...batchErrors,
  ...awsErrors,
  ...storeErrors,
  ...stateErrors,
  ...workerErrors,
  ...outputErrors,
  ...limitErrors,
  ...siteErrors,
  ...poolErrors,
  ...alertErrors,
} as const;

export type ErrorCode = keyof typeof catalogue;
