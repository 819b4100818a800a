/** `npm run chaos`: one run on a private Slurm, with its story and its figures. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos, type ChaosReport } from './chaos-run.ts';
import type { Distribution } from './chaos-verdict.ts';

const USAGE = `usage: npm run chaos [-- --tasks 400 --items 40000 --seed 1 --minutes 5 --poison 4 --patience 20 --json]
  --tasks, --items   size of the job
  --seed             decides which faults come when
  --minutes          how long faults happen
  --poison           items that kill the worker that runs them
  --patience         minutes that the job may take after the last fault
  --keep             leaves the directory of the run behind; a run that finds something wrong always does
  --json             prints the whole report, with every fault and whom it hit
`;

const { values } = parseArgs({
  options: {
    project: { type: 'string', default: '' },
    tasks: { type: 'string', default: '400' },
    items: { type: 'string', default: '40000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '5' },
    poison: { type: 'string', default: '4' },
    patience: { type: 'string', default: '20' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

const times = ({ p50Ms, p90Ms, maxMs }: Distribution): string =>
  [p50Ms, p90Ms, maxMs].map((ms) => seconds(ms).padStart(7)).join(' ');

function summary(report: ChaosReport): string {
  const { plan, runs, faults, detection, causes } = report;
  const counts = (of: Readonly<Record<string, number | undefined>>): string =>
    Object.entries(of)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || 'none';
  return [
    `job ${report.job}: ${report.state} after ${seconds(report.wallMs)}; ${plan.tasks} tasks, ${plan.items} items of about ${plan.itemMs} ms, seed ${plan.seed}`,
    `faults: ${counts(faults)} (${report.missed} found nobody)`,
    `advance: ${report.passes.ended} passes, ${report.passes.killed} killed`,
    `ended attempts on record: ${report.records} (${counts(causes)})`,
    `items begun ${runs.begun}, of these ${runs.flaky} that failed on purpose; wasted work ${(100 * report.wasted).toFixed(2)} % of the items, ${(100 * report.wastedFinished).toFixed(2)} % had come to their end`,
    'until the state says that an attempt is over (tasks; median, 90 %, longest), from the fault and from when slurmctld knew:',
    ...Object.entries(detection).map(
      ([kind, { fromFault, fromSlurm }]) =>
        `  ${kind.padEnd(14)}${String(fromFault.count).padStart(4)}   ${times(fromFault)}   ${fromSlurm === null ? '-' : times(fromSlurm)}`,
    ),
    report.violations.length === 0 ? 'nothing is wrong' : `${report.violations.length} WRONG:`,
    ...report.violations.map((one) => `  ${one}`),
    '',
  ].join('\n');
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'slurmctl-chaos-'));
  const report = await runChaos({
    project: values.project,
    directory,
    seed: Number(values.seed),
    tasks: Number(values.tasks),
    items: Number(values.items),
    chaosMs: Number(values.minutes) * 60_000,
    poison: Number(values.poison),
    patienceMs: Number(values.patience) * 60_000,
    onNews: (line) => process.stderr.write(`${line}\n`),
    interrupted: new Promise((_resolve, reject) => {
      for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => reject(new Error(`interrupted by ${name}`)));
    }),
  });
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 1)}\n` : summary(report));
  const keeps = values.keep || report.violations.length > 0;
  if (keeps) {
    writeFileSync(join(directory, 'report.json'), JSON.stringify(report, null, 1));
    process.stderr.write(`kept: ${directory}\n`);
  } else rmSync(directory, { recursive: true, force: true });
  if (report.violations.length > 0) process.exitCode = 1;
}

if (values.help) process.stdout.write(USAGE);
else
  await main().catch((error: unknown) => {
    process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    // What still waits for something of the stopped cluster must not keep the process alive.
    process.exit(1);
  });
