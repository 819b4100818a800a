import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rehearseInput } from '../../../src/app/rehearse-input.ts';
import { createRig } from '../../support/coordinator-rig.ts';
import { withTempDir } from '../../support/temp-dir.ts';

describe('the rehearsal of an input', () => {
  it('finds a bad record and writes nothing', () =>
    withTempDir(async (directory) => {
      const rig = createRig(directory);
      writeFileSync(join(directory, 'in.jsonl'), '{"n":1}\n{"n":\n');
      const before = readdirSync(directory);
      await expect(rehearseInput(rig.process(), rig.wanted)).rejects.toMatchObject({ code: 'INPUT_MALFORMED' });
      expect(readdirSync(directory)).toEqual(before);
    }));

  it('leaves what is far behind the beginning to the split', () =>
    withTempDir(async (directory) => {
      const rig = createRig(directory);
      const line = `{"n":1,"text":"${'x'.repeat(1_000)}"}\n`;
      writeFileSync(join(directory, 'in.jsonl'), `${line.repeat(12_000)}{"n":\n`);
      const { id: _, ...input } = rig.wanted.spec.input;
      await rehearseInput(rig.process(), { ...rig.wanted, spec: { ...rig.wanted.spec, input } });
    }));

  it('ends in time, and not for good when somebody interrupts it', () =>
    withTempDir(async (directory) => {
      const rig = createRig(directory);
      writeFileSync(join(directory, 'in.jsonl'), 'bad\n');
      const deps = rig.process();
      const late = { ...deps.clock, after: (_ms: number, fn: () => void) => (fn(), () => undefined) };
      await rehearseInput({ ...deps, clock: late }, rig.wanted);
      const interrupted = AbortSignal.abort(new Error('interrupted'));
      await expect(rehearseInput(deps, rig.wanted, interrupted)).rejects.toThrow('interrupted');
    }));

  it('does not run a command', () =>
    withTempDir(async (directory) => {
      const rig = createRig(directory);
      const input = {
        kind: 'command',
        argv: ['touch', 'ran'],
        cwd: directory,
        format: 'txt',
        onBadRecord: 'stop',
      } as const;
      await rehearseInput(rig.process(), { ...rig.wanted, spec: { ...rig.wanted.spec, input } });
      expect(readdirSync(directory)).not.toContain('ran');
    }));
});
