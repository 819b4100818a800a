import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/app/documents.ts';
import { openBrowser, watchPage } from '../support/browser.ts';
import { createCli, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { eventually, withQuietDir } from '../support/live-processes.ts';

let compiled = '';
let browser: Browser;
beforeAll(async () => {
  [compiled, browser] = await Promise.all([compiledProject(), openBrowser()]);
}, 120_000);
afterAll(() => browser?.close());

const FILES = {
  'job.yaml': `
name: watched
input: {file: items.txt}
batch: {items: 2}
handler: {module: ./wait.mjs, timeout: 5m}
resources: {cpus: 1, memory: 200M, time: 10m}
retry: {items: 1, tolerate: {items: 1}}
`,
  'items.txt': 'a\nb\nc\nd\ne\nf\n',
  // Ends when there is a file named release.
  'wait.mjs': `
import { existsSync } from 'node:fs';
export default async (item) => {
  while (!existsSync('release')) await new Promise((done) => setTimeout(done, 50));
  if (String(item.line ?? item) === 'c' || JSON.stringify(item).includes('"c"')) throw new Error('</script><img src=x onerror=alert(1)>');
  return 1;
};
`,
};

/** Every figure on the page that has a name in the document of status. */
const figuresOn = (page: Page): Promise<Record<string, number>> =>
  page.evaluate(
    `Object.fromEntries([...document.querySelectorAll('[data-figure]')].map((one) => [one.dataset.figure, Number(one.value)]))`,
  );

function figuresOf({ items, tasks }: StatusDocument): Record<string, number> {
  const named = (group: string, counts: object) =>
    Object.entries(counts).map(([name, value]) => [`${group}.${name}`, value as number]);
  return Object.fromEntries([...named('items', items), ...named('tasks', tasks)]);
}

async function serve(cli: Cli): Promise<{ readonly url: string; readonly server: ChildProcess }> {
  const argv = [join(compiled, 'bin/slurmctl.js'), 'dashboard', '@last', '--serve'];
  const env = { ...process.env, NO_COLOR: '1', SLURMCTL_SCHEDULER: 'local' };
  const server = spawn(process.execPath, argv, { cwd: cli.cwd, env, stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
  return { url: line.trim(), server };
}

it('a page that is served follows its job to the end, and whoever lacks the token sees nothing', () =>
  withQuietDir(async (directory) => {
    const cli = createCli(writeFiles(directory, FILES), { SLURMCTL_SCHEDULER: 'local' }, compiled);
    const { jobId } = await cli.json<{ jobId: string }>(['submit', 'job.yaml']);
    const { url, server } = await serve(cli);
    const exited = once(server, 'exit');
    try {
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[a-z0-9]{32}\/$/);
      expect((await fetch(new URL('/', url))).status).toBe(403);
      expect((await fetch(new URL(`/${'0'.repeat(32)}/parts.json`, url))).status).toBe(403);
      const { page, complaints, requests } = await watchPage(browser);
      await page.goto(url);
      expect(await page.locator('.state').textContent()).toMatch(/running|submitting/);
      expect(await figuresOn(page)).toMatchObject({ 'items.total': 6, 'items.succeeded': 0, 'tasks.done': 0 });
      writeFiles(directory, { release: '' });
      await page.getByText('completed with failures').waitFor({ timeout: 90_000 });
      const status = await cli.json<StatusDocument>(['status', '@last']);
      expect(status).toMatchObject({ job: { state: 'COMPLETED_WITH_FAILURES' }, items: { succeeded: 5, failed: 1 } });
      await eventually('the figures are those of status', async () => {
        return JSON.stringify(await figuresOn(page)) === JSON.stringify(figuresOf(status));
      });
      expect(complaints).toEqual([]);
      expect(requests.filter((request) => !request.startsWith(url))).toEqual([]);

      const written = await cli.json<{ path: string }>(['dashboard', '@last', '--out', 'page.html']);
      const file = await watchPage(browser);
      await file.page.goto(`file://${written.path}`);
      expect(await figuresOn(file.page)).toEqual(figuresOf(status));
      expect(await file.page.locator('.groups pre').first().textContent()).toContain(
        '</script><img src=x onerror=alert(1)>',
      );
      expect(file.complaints).toEqual([]);
      expect(file.requests).toEqual([`file://${written.path}`]);

      const stored = join(directory, '.slurmctl/objects/jobs', jobId, 'dashboard.html');
      await eventually('the page of the ended job is stored', () => existsSync(stored));
      expect(readFileSync(stored, 'utf8')).toContain('completed with failures');
    } finally {
      server.kill('SIGINT');
    }
    expect(await exited).toEqual([130, null]);
  }));
