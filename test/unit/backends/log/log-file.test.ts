import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogFiles } from '../../../../src/backends/log/index.ts';
import { canMount, withSmallDisk } from '../../../support/small-disk.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

let dir: { readonly path: string; readonly remove: () => void };
beforeEach(() => {
  dir = makeTempDir('log-file');
});
afterEach(() => dir.remove());

const files = createLogFiles();

describe('log file', () => {
  it('is on the disk at once, and whole lines of it are read', () => {
    const path = join(dir.path, 'log.jsonl');
    const file = files.create(path);
    expect(file.append('one\n') && file.append('zwei é\n')).toBe(true);
    expect(files.read(path, 1_000)).toBe('one\nzwei é\n');
    appendFileSync(path, 'torn');
    expect(files.read(path, 1_000)).toBe('one\nzwei é\n');
    expect(files.read(path, 6)).toBe('one\n');
    file.close();
    expect(file.append('late\n')).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('one\nzwei é\ntorn');
  });

  it('that cannot be made or read says so and nothing else', () => {
    expect(files.create(join(dir.path, 'none', 'log.jsonl')).append('x\n')).toBe(false);
    mkdirSync(join(dir.path, 'taken'));
    expect(files.create(join(dir.path, 'taken')).append('x\n')).toBe(false);
    writeFileSync(join(dir.path, 'there'), 'of another attempt\n');
    expect(files.create(join(dir.path, 'there')).append('x\n')).toBe(false);
    expect(files.read(join(dir.path, 'nothing'), 10)).toBeNull();
    expect(files.read(join(dir.path, 'taken'), 10)).toBeNull();
  });

  it.runIf(canMount)('on a disk that fills up is silent from there on', async () => {
    await withSmallDisk(dir.path, { megabytes: 1 }, async ({ path }) => {
      const file = files.create(join(path, 'log.jsonl'));
      const line = `${'x'.repeat(99_999)}\n`;
      const taken = Array.from({ length: 20 }, () => file.append(line));
      expect(taken[0]).toBe(true);
      expect(taken.slice(taken.indexOf(false))).not.toContain(true);
      expect(files.read(join(path, 'log.jsonl'), 4_000_000)?.length).toBe(taken.filter(Boolean).length * line.length);
      file.close();
    });
  });
});
