import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createLeafParts } from '../../../../src/backends/leaf-part/index.ts';
import type { ItemOutcome } from '../../../../src/domain/outcome.ts';
import type { OutputSpec } from '../../../../src/domain/output-columns.ts';
import type { Columnar } from '../../../../src/ports/columnar.ts';

/** A directory a test, removed after it; `name` may hold any character a path can. */
export function useScratch(): (name?: string) => string {
  const made: string[] = [];
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
  });
  return (name = 'd') => {
    const root = mkdtempSync(join(tmpdir(), 'slurmctl-columnar-'));
    made.push(root);
    const path = join(root, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
}

export async function writePart(path: string, outcomes: readonly ItemOutcome[], output: OutputSpec): Promise<string> {
  await createLeafParts().write(path, outcomes, output);
  return path;
}

/** All rows of a query over one file, as objects. */
export async function readAll(
  columnar: Columnar,
  path: string,
  options: { readonly sql?: string; readonly scratch: string; readonly inTurn?: boolean },
): Promise<Record<string, unknown>[]> {
  const { columns, rows } = await columnar.query({
    sql: options.sql ?? 'from results',
    views: { results: path },
    scratch: options.scratch,
    inTurn: options.inTurn ?? false,
  });
  const all: Record<string, unknown>[] = [];
  for await (const chunk of rows)
    for (const row of chunk) all.push(Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
  return all;
}
