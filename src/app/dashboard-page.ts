import { readFile } from 'node:fs/promises';
import type { PageAssets } from '../observe/dashboard/page.ts';
import { packageFile } from './package-files.ts';

/** Style and script of the page, out of the package. */
export async function pageAssets(): Promise<PageAssets> {
  const read = (name: string): Promise<string> => readFile(packageFile(`templates/dashboard/${name}`), 'utf8');
  const [style, script] = await Promise.all([read('style.css'), read('script.js')]);
  return { style, script };
}
