import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ErrorGroup, ErrorGroups } from '../../../../src/domain/error-groups.ts';
import { buildDashboard } from '../../../../src/observe/dashboard/build.ts';
import { distributionOfTimes } from '../../../../src/observe/dashboard/distribution.ts';
import { pageParts, renderPage, type PageAssets } from '../../../../src/observe/dashboard/page.ts';
import { createRetryCounter } from '../../../../src/observe/dashboard/retries.ts';
import { madeUpJob, type MadeUpJob } from '../../../support/dashboard-job.ts';

const asset = (name: string): string =>
  readFileSync(new URL(`../../../../templates/dashboard/${name}`, import.meta.url), 'utf8');
const ASSETS: PageAssets = { style: asset('style.css'), script: asset('script.js') };
const pageOf = (job: MadeUpJob, live = false): string => renderPage(buildDashboard(madeUpJob(job)), ASSETS, { live });
const all = (page: string, pattern: RegExp): string[] => [...page.matchAll(pattern)].map((match) => match[1] ?? '');

const HOSTILE =
  '</script><script>globalThis.pwned=1</script><img src=x onerror="globalThis.pwned=1"> \u202Eevil \u0000 \ud800 ${x} </bdi></pre></style>';

describe('the page', () => {
  const page = pageOf({ tasks: 10_000, nodes: 64 });

  it('is below a megabyte for 10,000 tasks', () => {
    expect(Buffer.byteLength(page)).toBeLessThan(700_000);
  });

  it('names nothing to be loaded, and forbids it', () => {
    const own = page.replace(ASSETS.style, '').replace(ASSETS.script, '');
    expect(own).not.toMatch(
      /\b(?:src|srcset|action|formaction|poster|xlink:href|style)=|<(?:link|img|iframe|object|embed|base)\b|\son\w+="/i,
    );
    expect(all(own, /href="([^"]*)"/g).every((href) => href.startsWith('#'))).toBe(true);
    expect(ASSETS.style).not.toMatch(/url\(|@import|@font-face/);
    expect(ASSETS.script).not.toMatch(/localStorage|sessionStorage|indexedDB|document\.cookie|eval\(|new Function/);
    const policy = (all(page, /http-equiv="Content-Security-Policy" content="([^"]*)"/g)[0] ?? '').replaceAll(
      '&#39;',
      "'",
    );
    const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    expect(policy).toBe(
      `default-src 'none'; style-src ${hash(ASSETS.style)}; script-src ${hash(ASSETS.script)}; base-uri 'none'; form-action 'none'`,
    );
    expect(pageOf({ tasks: 3, nodes: 1 }, true).replaceAll('&#39;', "'")).toContain("; connect-src 'self';");
  });

  it('says the figures of status', () => {
    const { items, tasks } = madeUpJob({ tasks: 10_000, nodes: 64 }).status;
    const figures = Object.fromEntries(
      [...page.matchAll(/<data value="(\d+)" data-figure="([\w.]+)"/g)].map((match) => [match[2], Number(match[1])]),
    );
    expect(figures).toEqual({
      ...Object.fromEntries(Object.entries(items).map(([name, value]) => [`items.${name}`, value])),
      ...Object.fromEntries(Object.entries(tasks).map(([name, value]) => [`tasks.${name}`, value])),
    });
  });

  it('has one heading of the first order, each part under its own, and no id twice', () => {
    expect(all(page, /<h1[^>]*>(.*?)<\/h1>/g)).toHaveLength(1);
    const ids = all(page, /\sid="([^"]+)"/g);
    expect(new Set(ids).size).toBe(ids.length);
    for (const target of all(page, /href="#([^"]+)"/g)) expect(ids).toContain(target);
    for (const label of all(page, /aria-(?:labelledby|describedby)="([^"]+)"/g)) expect(ids).toContain(label);
    expect(all(page, /<section id="([^"]+)"/g)).toHaveLength(10);
  });

  it('has each picture as a table too', () => {
    const figures = page
      .split('<figure id=')
      .slice(1)
      .map((text) => text.slice(0, text.indexOf('</figure>')));
    expect(figures.length).toBeGreaterThan(6);
    for (const text of figures) expect(text).toMatch(/<svg[\s\S]*<details[\s\S]*<table>[\s\S]*<caption>/);
    for (const svg of all(page, /<svg([^>]*)>/g)) expect(svg).toMatch(/aria-label="[^"]+"|aria-hidden="true"/);
  });

  it('says of one item how long it took, and no quantiles', () => {
    const one = distributionOfTimes([74], '');
    const board = { ...buildDashboard(madeUpJob({ tasks: 1, nodes: 1 })), itemTimes: one, taskTimes: one };
    const { speed } = pageParts(board);
    expect(speed).toContain('One item, which took 74 ms.');
    expect(speed).not.toContain('Half of');
  });

  it('is the same again for the same job', () => {
    expect(pageOf({ tasks: 300, nodes: 3 })).toBe(pageOf({ tasks: 300, nodes: 3 }));
  });

  it('can be made of a job of which nothing is known yet', () => {
    const job = madeUpJob({ tasks: 1, nodes: 1 });
    const zero = { total: 0, succeeded: 0, failed: 0, pending: 0 };
    const board = buildDashboard({
      ...job,
      meta: { ...job.meta, state: 'SUBMITTING' },
      status: { ...job.status, items: zero },
      facts: { tasks: [], attempts: [], left: 0, lastFailureMs: new Map() },
      spec: null,
      jobFile: null,
      errors: { missing: 'Nothing is known.' },
      limits: { missing: 'None.' },
      itemTimes: { missing: 'None.' },
    });
    const text = renderPage(board, ASSETS, { live: false }).replace(ASSETS.script, '');
    expect(text).toContain('Its input is not split yet.');
    expect(text).not.toMatch(/NaN|undefined|Infinity|null/);
  });

  it.each([1, 2, 7, 500])('has no hole in its figures with %d tasks', (tasks) => {
    for (const reached of [0.3, 1])
      expect(pageOf({ tasks, nodes: 3, reached }).replace(ASSETS.script, '')).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('hostile names and messages', () => {
  const page = pageOf({ tasks: 60, nodes: 4, reached: 0.6, text: HOSTILE });

  it('stay text', () => {
    expect(all(page, /<(script)[\s>]/g)).toHaveLength(2);
    expect(page).not.toContain('<script>globalThis');
    expect(page).not.toMatch(/<img/i);
    expect(page).not.toMatch(/\u202e|\p{Surrogate}/u);
    expect(page).not.toContain('\u0000');
    expect(all(page, /<(?:bdi)>/g).length).toBe(all(page, /<\/bdi>/g).length);
  });

  it('show no secret: a page is mailed', () => {
    const job = madeUpJob({ tasks: 60, nodes: 4, text: 'password=hunter2' });
    const retries = createRetryCounter();
    retries.record('000001', {
      generation: 0,
      endedMs: 1,
      cause: 'lost',
      detail: 'login with password=hunter2 refused',
      savedItems: 0,
      decision: 'retry',
      rule: 'built-in rule for lost',
      why: 'it is tried again',
      charged: false,
    });
    const { jobFile, job: about } = buildDashboard({
      ...job,
      status: { ...job.status, reason: 'it said password=hunter2' },
    });
    expect(jobFile).toContain('input: {file: catalogue.jsonl}');
    expect(JSON.stringify([jobFile, about.reason, retries.retries()])).not.toContain('hunter2');
  });

  it('do not make the page long', () => {
    const long = pageOf({ tasks: 60, nodes: 4, text: 'x'.repeat(1_000_000) });
    expect(Buffer.byteLength(long)).toBeLessThan(1_000_000);
  });

  it.each(['<', '\u202e', '\ud800', '漢'])(
    '%j everywhere, in the largest job with the most failures, neither',
    (character) => {
      const made = madeUpJob({ tasks: 10_000, nodes: 64, text: character.repeat(3_000) });
      const known = made.errors as ErrorGroups;
      const groups = Array.from({ length: 200 }, (_none, n) => ({ ...(known.groups[0] as ErrorGroup), key: `k${n}` }));
      const page = renderPage(buildDashboard({ ...made, errors: { ...known, groups } }), ASSETS, { live: false });
      expect(Buffer.byteLength(page)).toBeLessThan(1_000_000);
    },
  );
});

describe('the parts of a live page', () => {
  it('are those of the page', () => {
    const board = buildDashboard(madeUpJob({ tasks: 60, nodes: 4, reached: 0.5 }));
    const page = renderPage(board, ASSETS, { live: true });
    const parts = pageParts(board);
    expect(Object.keys(parts)).toHaveLength(11);
    for (const [id, markup] of Object.entries(parts)) {
      expect(page).toContain(markup);
      expect(markup).toMatch(new RegExp(`^<\\w+ id="${id}"`));
    }
  });
});
