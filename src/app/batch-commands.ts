/** What the batch system execs for a job: argv of its workers and of its finaliser. State is found through these arguments, never by luck. */
import type { ElementSize } from '../domain/element-size.ts';
import type { JobId } from '../domain/ids.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import type { WorkerAssignment } from '../domain/manifest.ts';
import { packageFile } from './package-files.ts';

/** How long a finaliser waits for somebody else who is advancing the job, and for an outside that does not answer. */
const FINALISER_PATIENCE = '10m';

/** argv of an array element. */
export const workerCommand = (assignment: WorkerAssignment, backends: BackendUrls): string[] => [
  process.execPath,
  packageFile('bin/slurmctl-worker.js'),
  '--job',
  assignment.job,
  '--submission',
  assignment.submission,
  '--wave',
  String(assignment.wave),
  '--offset',
  String(assignment.offset),
  '--wave-elements',
  String(assignment.waveElements),
  ...(assignment.group === undefined ? [] : ['--group', String(assignment.group)]),
  ...(assignment.size === undefined ? [] : sizeArguments(assignment.size)),
  ...backendArguments(backends),
];

const sizeArguments = ({ memoryBytes, timeMs }: ElementSize): string[] => [
  '--memory-bytes',
  String(memoryBytes),
  '--time-ms',
  String(timeMs),
];

/** argv of a finaliser. */
export const advanceCommand = (job: JobId, backends: BackendUrls): string[] => [
  process.execPath,
  packageFile('bin/slurmctl.js'),
  'advance',
  job,
  '--wait-lease',
  FINALISER_PATIENCE,
  ...backendArguments(backends),
  // A job that lives in a spool is just a job for whoever has its URLs; carrying is for hosts with a route.
  '--spool',
  'false',
];

const backendArguments = (backends: BackendUrls): string[] => [
  '--home',
  backends.home,
  '--store',
  backends.store,
  '--state',
  backends.state,
  '--queue',
  backends.queue,
  '--scheduler',
  backends.scheduler,
];
