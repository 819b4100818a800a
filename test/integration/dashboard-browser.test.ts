import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPageServer } from '../../src/backends/page-server/index.ts';
import { buildDashboard } from '../../src/observe/dashboard/build.ts';
import { pageParts, renderPage } from '../../src/observe/dashboard/page.ts';
import {
  faintTexts,
  openBrowser,
  unfold,
  unreachedByKeyboard,
  watchPage,
  type WatchedPage,
} from '../support/browser.ts';
import { madeUpJob, type MadeUpJob } from '../support/dashboard-job.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const HOSTILE =
  '</script></title></style><script>globalThis.pwned = 1</script><img src="http://127.0.0.1:9/x" onerror="globalThis.pwned = 1">' +
  '<a href="javascript:globalThis.pwned=1">x</a> \u202Eevil\u0000 \ud800 مرحبا 👩‍🚀 \'"`${1}';

const directory = makeTempDir('dashboard');
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  directory.remove();
});

const asset = (name: string): string =>
  readFileSync(new URL(`../../templates/dashboard/${name}`, import.meta.url), 'utf8');

/** Writes the page of a made-up job and opens it from disk. */
async function open(
  name: string,
  job: MadeUpJob,
  options: Parameters<typeof watchPage>[1] = {},
): Promise<WatchedPage & { readonly url: string }> {
  const path = join(directory.path, `${name}.html`);
  const assets = { style: asset('style.css'), script: asset('script.js') };
  writeFileSync(path, renderPage(buildDashboard(madeUpJob(job)), assets, { live: false }));
  const watched = await watchPage(browser, options);
  const url = pathToFileURL(path).href;
  await watched.page.goto(url);
  return { ...watched, url };
}

/** Of the texts of charts, in pixels as they are seen. */
const TEXT_SIZES = `[...document.querySelectorAll('.chart text')].map((text) => {
  const chart = text.ownerSVGElement;
  return parseFloat(getComputedStyle(text).fontSize) * chart.getBoundingClientRect().width / chart.viewBox.baseVal.width;
}).filter((size) => size > 0)`;
const BROKEN_WORDS = `[...document.querySelectorAll('td')].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return !/\\s/.test(cell.textContent) && cell.querySelector('bdi, svg, code, span') === null && range.getClientRects().length > 1;
}).map((cell) => cell.textContent)`;
const BEYOND_ITS_SECTION = `[...document.querySelectorAll('section p, section figure, section dl')].filter((one) => {
  const [box, section] = [one.getBoundingClientRect(), one.closest('section').getBoundingClientRect()];
  return one.checkVisibility() && box.right > section.right;
}).map((one) => one.textContent.slice(0, 40))`;

const BIG: MadeUpJob = { tasks: 10_000, nodes: 64 };
const RUNNING: MadeUpJob = { tasks: 600, nodes: 12, reached: 0.55 };

describe('a dashboard of 10,000 tasks, opened from disk', () => {
  it('asks nobody for anything, keeps nothing, and has nothing to complain of', async () => {
    const { page, complaints, requests, url } = await open('big', BIG);
    await page.getByRole('radio', { name: 'Duration' }).check();
    await page.getByText('All tasks: as a table').click();
    await page.getByRole('button', { name: 'Later' }).click();
    expect(await page.getByRole('status').textContent()).toBe('page 2 of 100');
    expect(await page.evaluate('[document.cookie, localStorage.length, sessionStorage.length]')).toEqual(['', 0, 0]);
    expect(requests).toEqual([url]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('may not reach the network even if it tried', async () => {
    const { page } = await open('big', BIG);
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { readonly port: number };
    const tried = await page.evaluate(`(async () => {
      const make = (name, fields) => document.body.append(Object.assign(document.createElement(name), fields));
      make('img', { src: 'http://127.0.0.1:${port}/image' });
      make('script', { textContent: 'globalThis.pwned = 1' });
      make('iframe', { src: 'http://127.0.0.1:${port}/frame' });
      make('div', { style: 'background: url(http://127.0.0.1:${port}/style)' });
      return fetch('http://127.0.0.1:${port}/data').then(() => 'fetched', () => 'refused');
    })()`);
    expect(tried).toBe('refused');
    expect(await page.evaluate(`'pwned' in globalThis`)).toBe(false);
    expect(asked).toEqual([]);
    await page.context().close();
    await new Promise((resolve) => server.close(resolve));
  });

  it('is made of landmarks and headings, and says the figures of status', async () => {
    const { page } = await open('big', BIG);
    for (const role of ['banner', 'navigation', 'main', 'contentinfo'] as const)
      expect(await page.getByRole(role).count(), role).toBe(1);
    const levels = await page.locator('h1, h2, h3').evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [place, level] of levels.entries()) expect(level - (levels[place - 1] ?? 0)).toBeLessThanOrEqual(1);
    const { items, tasks } = madeUpJob(BIG).status;
    const figure = (name: string) => page.locator(`[data-figure="${name}"]`).getAttribute('value');
    for (const [name, value] of Object.entries(items)) expect(await figure(`items.${name}`)).toBe(String(value));
    for (const [name, value] of Object.entries(tasks)) expect(await figure(`tasks.${name}`)).toBe(String(value));
    await page.context().close();
  });

  it('shows the same figures without its script', async () => {
    const { page } = await open('big', BIG, { javaScriptEnabled: false });
    expect(await page.locator('.view-state .chart').isVisible()).toBe(true);
    await page.getByRole('radio', { name: 'Node' }).check();
    expect(await page.locator('.view-node .chart').isVisible()).toBe(true);
    expect(await page.locator('#theme').isVisible()).toBe(false);
    await page.context().close();
  });
});

describe('a dashboard is for everybody', () => {
  it('the keyboard reaches everything that can be used, and the map cell by cell', async () => {
    const { page, complaints } = await open('running', RUNNING);
    await unfold(page);
    expect(await unreachedByKeyboard(page)).toEqual([]);
    await page.locator('#cells').focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#cell-says').textContent()).toMatch(/^Task 000000: done, /);
    for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft']) await page.keyboard.press(key);
    const columns = await page.evaluate(`JSON.parse(document.getElementById('task-data').textContent).columns`);
    expect(await page.locator('#cell-says').textContent()).toContain(`Task ${String(columns).padStart(6, '0')}: `);
    await page.keyboard.press('End');
    expect(await page.locator('#cell-says').textContent()).toMatch(
      /^Task 000599: pending, duration not known, 0 attempts/,
    );
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each(['light', 'dark'] as const)(
    'every text stands out from its background in %s colours',
    async (colorScheme) => {
      const { page } = await open('running', RUNNING, { colorScheme });
      await unfold(page);
      expect(await faintTexts(page)).toEqual([]);
      await page.context().close();
    },
  );

  it('follows the colours of the system until the reader chooses', async () => {
    const { page } = await open('running', RUNNING, { colorScheme: 'dark' });
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await ground();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    expect(light).not.toBe(dark);
    await page.getByRole('button', { name: 'Switch to dark colours' }).click();
    expect(await ground()).toBe(dark);
    await page.getByRole('button', { name: 'Switch to light colours' }).press('Enter');
    expect(await ground()).toBe(light);
    await page.context().close();
  });

  it('fits a narrow screen, with charts that can still be read', async () => {
    const { page } = await open('running', RUNNING, { viewport: { width: 320, height: 700 } });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
    await unfold(page);
    expect(await page.evaluate(BEYOND_ITS_SECTION)).toEqual([]);
    expect(await page.evaluate(BROKEN_WORDS)).toEqual([]);
    const sizes = await page.evaluate<number[]>(TEXT_SIZES);
    expect(sizes.length).toBeGreaterThan(50);
    for (const size of sizes) expect(size).toBeGreaterThan(6);
    await page.context().close();
  });

  it('draws charts of one kind in one size', async () => {
    const { page } = await open('running', RUNNING);
    const sizes = await page.evaluate<number[]>(TEXT_SIZES);
    for (const size of sizes) expect(size).toBeLessThan(14);
    await page.context().close();
  });

  it('prints in black on white, without what cannot be used on paper', async () => {
    const { page } = await open('running', RUNNING, { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    for (const hidden of ['nav', '#theme', '.views', '#all-tasks'])
      expect(await page.locator(hidden).isVisible()).toBe(false);
    for (const shown of ['#outcomes .chart', '.view-state .chart', '#attempts-by-node .chart', '.job-file'])
      expect(await page.locator(shown).isVisible()).toBe(true);
    expect(await faintTexts(page)).toEqual([]);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.context().close();
  });
});

describe('a page that lives', () => {
  it('is renewed wherever the reader has clicked, and keeps what was chosen, opened and gone to with the keyboard', async () => {
    let reached = 0.4;
    const board = () => buildDashboard(madeUpJob({ ...RUNNING, reached }));
    const server = await openPageServer({
      port: 0,
      token: 'a'.repeat(32),
      answer: async (path) =>
        path === ''
          ? {
              type: 'text/html; charset=utf-8',
              body: renderPage(board(), { style: asset('style.css'), script: asset('script.js') }, { live: true }),
            }
          : {
              type: 'application/json; charset=utf-8',
              body: JSON.stringify({ over: false, parts: pageParts(board()) }),
            },
    });
    const { page, complaints } = await watchPage(browser);
    await page.goto(server.url);
    const done = () => page.locator('[data-figure="tasks.done"]').getAttribute('value');
    const words = () => page.locator('.summary').textContent();
    const inMap = () => page.locator('.view-state .legend').textContent();
    const before = [await done(), await words(), await inMap()];
    await page.locator('.groups summary').first().click();
    await page.locator('.groups summary').last().click();
    await page.locator('label', { hasText: 'Duration' }).click();
    await page.getByRole('button', { name: 'Switch to dark colours' }).click();
    await page.locator('label', { hasText: 'Duration' }).click();
    reached = 0.5;
    await expect.poll(done, { timeout: 10_000 }).not.toBe(before[0]);
    expect(await words()).not.toBe(before[1]);
    expect(await inMap()).not.toBe(before[2]);
    expect(await page.getByRole('radio', { name: 'Duration' }).isChecked()).toBe(true);
    const open = await page
      .locator('.groups > li > details')
      .evaluateAll((all) => all.map((one) => one.matches('[open]')));
    expect([open[0], open.at(-1)]).toEqual([false, true]);
    // Who goes through a part with the keyboard is left alone there.
    await page.getByText('All tasks: as a table').click();
    await page.locator('#tasks-later').press('Enter');
    const left = [await done(), await inMap()];
    reached = 0.6;
    await expect.poll(done, { timeout: 10_000 }).not.toBe(left[0]);
    expect(await inMap()).toBe(left[1]);
    expect(await page.evaluate('document.activeElement.id')).toBe('tasks-later');
    expect(complaints).toEqual([]);
    await page.context().close();
    await server.close();
  });
});

describe('hostile names and messages', () => {
  it('stay text', async () => {
    const { page, complaints, requests, url } = await open('hostile', { ...RUNNING, tasks: 60, text: HOSTILE });
    await unfold(page);
    expect(await page.evaluate(`'pwned' in globalThis`)).toBe(false);
    expect(await page.locator('img, iframe, object, embed, a:not([href^="#"])').count()).toBe(0);
    expect(await page.locator('h1').textContent()).toContain(
      '</script></title></style><script>globalThis.pwned = 1</script>',
    );
    expect(await page.locator('.groups pre').first().textContent()).toContain('⟨U+202E⟩evil⟨U+0000⟩ ⟨U+D800⟩ مرحبا 👩‍🚀');
    expect(await page.title()).toContain('</title>');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1_200);
    expect(requests).toEqual([url]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('of a megabyte leave a page that opens', async () => {
    const { page, complaints } = await open('long', { ...RUNNING, tasks: 60, text: 'x'.repeat(1_000_000) });
    expect(await page.evaluate('document.documentElement.outerHTML.length')).toBeLessThan(1_000_000);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(1_200);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
