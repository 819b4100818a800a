// `slurmctl analyze-errors` of generated jobs: one that has ended, with a million published failures of few kinds and of very many, and one that
// runs, whose failures are read from the results of its tasks. A process each, because peak memory is a process's own.
// Usage: node test/bench/errors.bench.mjs [--tasks 10000] [--failures 1000000] [--running 1000]
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ATTEMPT, FAILURES_A_TASK, FEW, ITEMS_A_TASK, publishErrors, storeFailedJob } from './support/failed-job.mjs';
import { load, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '10000' },
    failures: { type: 'string', default: '1000000' },
    running: { type: 'string', default: '1000' },
    child: { type: 'string' },
    home: { type: 'string' },
  },
});
/** Result files of a job that runs, one a task. */
async function storeResults(drivers, project, job) {
  const { createSqliteResultFiles } = await load('backends/result-file/index.js');
  const { taskIdOf } = await load('domain/ids.js');
  const keys = await load('domain/keys.js');
  const files = await createSqliteResultFiles();
  const path = join(project.dir, 'results.sqlite');
  return async (number, failed) => {
    const task = taskIdOf(number);
    const firstItem = number * ITEMS_A_TASK;
    const file = files.create(path);
    file.append(
      Array.from({ length: ITEMS_A_TASK }, (_none, n) => {
        const itemIndex = firstItem + n;
        const shared = { itemId: `item-${itemIndex}`, itemIndex, attempts: 1, durationMs: 1.5 };
        const ok = {
          errorClass: null,
          errorMessage: null,
          cause: null,
          output: `{"n":${n},"text":"${'x'.repeat(80)}"}`,
        };
        if (n % (ITEMS_A_TASK / failed) !== 0) return { ...shared, status: 'succeeded', ...ok };
        const errorMessage = `no row ${itemIndex} in /data/${itemIndex}.csv`;
        return {
          ...shared,
          status: 'failed',
          errorClass: 'TypeError',
          errorMessage,
          cause: 'handler-error',
          output: null,
        };
      }),
    );
    file.seal();
    const stored = await drivers.store.putFile(keys.resultsKey(job, task, ATTEMPT), path);
    rmSync(path);
    const results = { key: stored.key, sha256: stored.sha256, bytes: stored.bytes };
    const done = { schema: 'slurmctl.done/1', job, task, attempt: ATTEMPT, files: { results } };
    return (await drivers.store.put(keys.doneKey(job, task, ATTEMPT), JSON.stringify(done))).sha256;
  };
}

/** A word of letters made of the number: no two messages have the same template. */
const MANY = `'cannot read ' || translate(i::VARCHAR, '0123456789', 'abcdefghij') || ' of ' || translate((i * 7)::VARCHAR, '0123456789', 'klmnopqrst') || ' here'`;
const JOBS = { few: 'few-00000000', many: 'many-00000000', running: 'running-00000000' };

async function main() {
  const [tasks, failures, running] = [values.tasks, values.failures, values.running].map(Number);
  if (failures !== tasks * FAILURES_A_TASK) throw new Error(`--failures must be ${FAILURES_A_TASK} a task`);
  const project = makeProject('errors');
  try {
    const drivers = await openProject(project);
    const win = async () => 'c'.repeat(64);
    for (const [name, message] of Object.entries({ few: FEW, many: MANY })) {
      const stored = await storeFailedJob(drivers, { job: JOBS[name], tasks, isOpen: false, win });
      await publishErrors(drivers, project, stored, message);
      say(`${name}: ${failures} failures of ${tasks} tasks published`);
    }
    const open = { job: JOBS.running, tasks: running, isOpen: true };
    await storeFailedJob(drivers, { ...open, win: await storeResults(drivers, project, JOBS.running) });
    say(`running: ${running} tasks of ${ITEMS_A_TASK} items committed`);
    const seen = {};
    for (const name of Object.keys(JOBS)) {
      seen[name] = JSON.parse(
        execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--child', name, '--home', project.dir], {
          encoding: 'utf8',
          env: project.options.env,
        }),
      );
      say(`${name}: ${JSON.stringify(seen[name])}`);
    }
    const expected = { few: failures, many: failures, running: (running - 1) * FAILURES_A_TASK };
    for (const [name, { failedItems }] of Object.entries(seen))
      if (failedItems !== expected[name]) throw new Error(`${name}: ${failedItems} failed items`);
    const whole = await project.slurmctl('analyze-errors', JOBS.few, '--json');
    const status = await project.slurmctl('status', JOBS.few, '--json');
    const many = `${failures.toLocaleString('en')} published failures`;
    report(
      'errors',
      [
        {
          what: `\`analyze-errors\`, ${many} of 6 kinds, whole process`,
          value: whole.ms / 1000,
          unit: 's',
          atMost: 30,
        },
        { what: 'the same, peak memory', value: seen.few.peakRssMb, unit: 'MiB' },
        { what: `${many}, no two alike`, value: seen.many.seconds, unit: 's', atMost: 60 },
        { what: 'the same, peak memory', value: seen.many.peakRssMb, unit: 'MiB' },
        {
          what: `mid-run, ${(running * ITEMS_A_TASK).toLocaleString('en')} results of ${running} tasks, ${expected.running.toLocaleString('en')} failed`,
          value: seen.running.seconds,
          unit: 's',
        },
        { what: 'the same, peak memory', value: seen.running.peakRssMb, unit: 'MiB' },
        {
          what: `\`status\` of the job of ${tasks} tasks, whole process`,
          value: status.ms / 1000,
          unit: 's',
          atMost: 0.5,
        },
      ],
      seen,
    );
  } finally {
    project.remove();
  }
}

async function child(name, dir) {
  const drivers = await openProject({ dir, options: { env: process.env, cwd: dir } });
  const { analyzeErrors } = await load('app/analyze-errors.js');
  const start = performance.now();
  const { source, failedItems, groups, others } = await analyzeErrors(drivers, { job: JOBS[name], by: 'fingerprint' });
  const seconds = (performance.now() - start) / 1000;
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const [peakRssMb, cpuSeconds] = [Math.round(maxRSS / 1024), (userCPUTime + systemCPUTime) / 1e6];
  console.log(JSON.stringify({ seconds, cpuSeconds, peakRssMb, source, failedItems, groups: groups.length, others }));
}

if (values.child === undefined) await main();
else await child(values.child, values.home);
