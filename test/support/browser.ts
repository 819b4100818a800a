/** The browser of this machine, without a window, and what it has to say about a page. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** @throws where there is none: a test that cannot look must not pass */
export async function openBrowser(): Promise<Browser> {
  const executablePath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((directory) => NAMES.map((name) => join(directory, name)))
    .find(isProgram);
  if (executablePath === undefined) throw new Error('there is no Chromium: apt-get install chromium');
  // A browser that root starts refuses its own sandbox; these pages are ours.
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings on the console, errors of scripts, dialogs, and violations of the page's own policy. */
  readonly complaints: string[];
  /** Everything that was asked for, the page itself first. */
  readonly requests: string[];
}

export async function watchPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (message.type() !== 'log') complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => requests.push(request.url()));
  return { page, complaints, requests };
}

/** Opens every part of the page that is folded away. */
export const unfold = (page: Page): Promise<unknown> =>
  page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`);

/** Texts whose colour stands out less from what is behind them than 4.5 to 1 (WCAG 2, AA). */
export const faintTexts = (page: Page): Promise<string[]> => page.evaluate(FAINT_TEXTS);

/** Goes through the page with the Tab key: which of the elements that can be seen and used were not reached. */
export async function unreachedByKeyboard(page: Page): Promise<string[]> {
  const usable = await page.evaluate<string[]>(MARK_STOPS);
  const reached = new Set<string>();
  for (let step = 0; step < usable.length + 5; step += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<string | null>(`document.activeElement.getAttribute('data-stop')`);
    if (stop !== null) reached.add(stop);
  }
  return usable.filter((_, place) => !reached.has(String(place)));
}

/** Runs in the page, where there are other globals than here. */
const FAINT_TEXTS = `(() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = parse(colour).slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if ((parse(backgroundColor)[3] ?? 1) === 1) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent.trim();
    if (text === '' || !element.checkVisibility() || element.closest('script, style, title') !== null) continue;
    const style = getComputedStyle(element);
    const [front, back] = [light(element.closest('svg') === null ? style.color : style.fill), light(behind(element))];
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (ratio < 4.5) faint.add(text.slice(0, 40) + ': ' + ratio.toFixed(2));
  }
  return [...faint];
})()`;

/** Of radio buttons of one name, Tab reaches the chosen one; arrows go on from there. */
const MARK_STOPS = `(() => {
  const all = [...document.querySelectorAll('a[href], button, input, summary, [tabindex="0"]')];
  const seen = all.filter((element) => element.checkVisibility() && !element.disabled);
  const stops = seen.filter((element) => element.type !== 'radio' || element.checked);
  for (const [place, element] of stops.entries()) element.setAttribute('data-stop', String(place));
  document.activeElement.blur();
  return stops.map((element) => element.tagName + ' ' + element.textContent.trim().slice(0, 40));
})()`;
