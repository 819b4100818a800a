import { readFileSync } from 'node:fs';

/** What a real command of Slurm 22.05.8 printed. */
export const recorded = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/slurm/22.05/${name}`, import.meta.url), 'utf8');
