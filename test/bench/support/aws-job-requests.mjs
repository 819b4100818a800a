// What all processes of a job asked services for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wallMs } from './measure.mjs';

const PATIENCE_MS = 180_000;

/** Submits, waits until the job's own finaliser has ended, and returns the request totals of submit, elements and finaliser. */
export async function jobRequests(project, jobFile) {
  // The totals of a command are on stderr, which is put where stdout goes.
  const options = { ...project.options, env: { ...project.options.env, SLURMCTL_TIMING: 'json' } };
  const shell = ['sh', '-c', 'exec "$@" 2>&1', 'sh', process.execPath, ...project.command('submit', jobFile)];
  const { stdout } = await wallMs(shell, options);
  const job = /^[\w-]+-[0-9a-z]{8}$/m.exec(stdout)?.[0];
  if (job === undefined) throw new Error(`no job in: ${stdout}`);
  const directory = join(project.options.env.SLURMCTL_HOME, 'elements', job);
  const patientUntil = performance.now() + PATIENCE_MS;
  for (;;) {
    const { job: seen } = JSON.parse((await project.slurmctl('status', job, '--json')).stdout);
    const ended = seen.state === 'COMPLETED' ? finaliserOf(directory) : null;
    if (ended !== null) return [...timingOf(stdout), ...elementsOf(directory), ...ended];
    if (performance.now() > patientUntil) throw new Error(`${job} is ${seen.state} after ${PATIENCE_MS / 1000} s`);
  }
}

const outputsIn = (directory) =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.out'))
    .map((name) => readFileSync(join(directory, name), 'utf8'));

/** Null until it has told. */
function finaliserOf(directory) {
  const outputs = outputsIn(join(directory, 'advance'));
  return outputs.length > 0 && outputs.every((text) => text.includes('slurmctl.timing/1'))
    ? outputs.flatMap(timingOf)
    : null;
}

function timingOf(text) {
  const line = text.split('\n').find((one) => one.startsWith('{"schema":"slurmctl.timing/1"'));
  return JSON.parse(line).requests;
}

const elementsOf = (directory) =>
  outputsIn(directory).flatMap(
    (text) => JSON.parse(text.split('\n').find((one) => one.includes('"element ended"'))).requests,
  );

/** Sum of a figure, of some operations or all. */
export const totalOf = (requests, figure, operations) =>
  requests
    .filter(({ operation }) => operations === undefined || operations.includes(operation))
    .reduce((sum, request) => sum + request[figure], 0);
