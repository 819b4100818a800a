import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AlertListDocument } from '../../src/app/alert-documents.ts';
import type { StatusDocument, TickDocument } from '../../src/app/documents.ts';
import { createCli, numberLines, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { eventually, withQuietDir } from '../support/live-processes.ts';

const SETTINGS = `
channels:
  pager: {command: [sh, page.sh]}
  dead: {webhook: "http://127.0.0.1:4/in"}
alerts: [{when: failed, to: [pager, dead]}]
`;

const JOB = `
name: halves
input: {file: in.jsonl}
batch: {items: 10}
handler: {module: handler.mjs}
resources: {cpus: 1, memory: 256M, time: 10m}
retry: {items: 1, attempts: 1}
on: {ended: [sh, hook.sh, "$(touch evil)"]}
alerts: [{when: error-rate, above: 30%, to: pager}]
`;

const HANDLER = `
export default ({ n }) => {
  if (n % 2 === 0) throw new Error('no even numbers');
  return n;
};
`;

/** Also finds the job again by what it was told. */
const hook = (bin: string): string => `echo "$1 $SLURMCTL_EVENT $SLURMCTL_ITEMS_FAILED" >> hooks.txt
"${process.execPath}" "${bin}" status "$SLURMCTL_JOB" --json > seen.json
echo hooked
`;

it('a job that fails runs its hook once and tells whoever can be reached, and a dead channel changes nothing about it', () =>
  withQuietDir(async (directory) => {
    const compiled = await compiledProject();
    writeFiles(directory, {
      'slurmctl.yaml': SETTINGS,
      'job.yaml': JOB,
      'handler.mjs': HANDLER,
      'in.jsonl': numberLines(40),
      'page.sh': 'cat >> pages.txt\n',
      'hook.sh': hook(join(compiled, 'bin/slurmctl.js')),
    });
    const cli = createCli(directory, { SLURMCTL_SCHEDULER: 'local' }, compiled);
    const submitted = await cli('submit', 'job.yaml');
    expect(submitted.code, submitted.stderr).toBe(0);
    const job = submitted.stdout.trim();
    // Its own finaliser ends it, and tells.
    const { messages } = await eventually('everybody was told', async () => {
      const list = await cli.json<AlertListDocument>(['alert', 'list']);
      const isOver = list.messages.filter(({ state, tries }) => state === 'sent' || (state === 'waiting' && tries > 0));
      return isOver.length === 4 ? list : null;
    });
    expect(await cli.json<StatusDocument>(['status', job])).toMatchObject({
      job: { state: 'FAILED' },
      items: { failed: 20 },
    });
    const told = messages.map(({ to, event, state, detail }) => [to, event, state, detail]);
    expect(told).toEqual(
      expect.arrayContaining([
        ['on.ended', 'ended', 'sent', 'hooked'],
        ['pager', 'failed', 'sent', null],
        ['pager', 'error-rate', 'sent', null],
        ['dead', 'failed', 'waiting', 'http://127.0.0.1:4: ECONNREFUSED'],
      ]),
    );
    const tick = await cli.json<TickDocument>(['tick']);
    expect(tick.notes ?? []).toEqual([]);
    expect(readFileSync(join(directory, 'hooks.txt'), 'utf8')).toBe('$(touch evil) ended 20\n');
    expect(existsSync(join(directory, 'evil'))).toBe(false);
    expect(JSON.parse(readFileSync(join(directory, 'seen.json'), 'utf8'))).toMatchObject({ job: { id: job } });
    const pages = readFileSync(join(directory, 'pages.txt'), 'utf8').trim().split('\n');
    expect(pages.map((line) => (JSON.parse(line) as { event: string }).event).toSorted()).toEqual([
      'error-rate',
      'failed',
    ]);
  }));
