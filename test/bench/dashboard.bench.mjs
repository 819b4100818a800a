// `slurmctl dashboard` of a generated job of 10,000 tasks, 10,000,000 items and 1,000,000 failures, and the same of state alone.
// Usage: node test/bench/dashboard.bench.mjs [--tasks 10000] [--rounds 3]
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FEW, FAILURES_A_TASK, ITEMS_A_TASK, publishErrors, storeFailedJob } from './support/failed-job.mjs';
import { interleaved, load, median, nodeMs, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';

const { values } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '3' } },
});
const TASKS = Number(values.tasks);
const JOB = 'page-00000000';

const project = makeProject('dashboard');
try {
  const drivers = await openProject(project);
  const stored = await storeFailedJob(drivers, {
    job: JOB,
    tasks: TASKS,
    isOpen: false,
    win: async () => 'c'.repeat(64),
  });
  await publishErrors(drivers, project, stored, FEW, { withResults: true });
  await namePublication(drivers);
  say(`${TASKS} tasks stored, ${TASKS * FAILURES_A_TASK} failures published`);
  const page = join(project.dir, 'page.html');
  const state = await stateOnly(drivers);
  const times = await interleaved(Number(values.rounds), {
    dashboard: () => nodeMs(project.command('dashboard', JOB, '--out', page), project.options),
    status: () => nodeMs(project.command('status', JOB), project.options),
    state,
  });
  const text = readFileSync(page, 'utf8');
  const failed = (TASKS * FAILURES_A_TASK).toLocaleString('en');
  if (!text.includes(`data-figure="items.failed">${failed}<`))
    throw new Error(`the page does not say ${failed} failed items`);
  if (text.includes('could not be read')) throw new Error('a panel of the page could not be made');
  report(
    'dashboard',
    [
      {
        what: `\`dashboard\` of ${TASKS} tasks, ${(TASKS * ITEMS_A_TASK).toLocaleString('en')} items, ${failed} failures, whole process`,
        value: median(times.dashboard) / 1000,
        unit: 's',
        atMost: 30,
      },
      { what: 'length of the page', value: statSync(page).size / 1e6, unit: 'MB', atMost: 1 },
      {
        what: 'reading the state of its tasks and rendering, in one process',
        value: median(times.state) / 1000,
        unit: 's',
        atMost: 5,
      },
      { what: '`status` beside it, whole process', value: median(times.status) / 1000, unit: 's' },
    ],
    { times },
  );
} finally {
  project.remove();
}

/** META of a job that has ended names its publication. */
async function namePublication({ state }) {
  const { metaKey } = await load('domain/state-keys.js');
  await state.write(metaKey(JOB), { set: { publication: 'g0-bench' } }, { op: 'item-present' });
}

/** What a page that is served costs at every look after the first: failures and durations of items are kept from it. */
async function stateOnly(drivers) {
  const { readDashboard } = await load('app/dashboard-document.js');
  const { renderPage } = await load('observe/dashboard/page.js');
  const { pageAssets } = await load('app/dashboard-page.js');
  const assets = await pageAssets();
  const kept = { itemTimes: { missing: '' }, errors: { missing: '' } };
  return async () => {
    const start = performance.now();
    renderPage(await readDashboard(drivers, JOB, { kept }), assets, { live: true });
    return performance.now() - start;
  };
}
