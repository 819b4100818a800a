import { afterAll, expect, it } from 'vitest';
import { makeTempDir } from '../../support/temp-dir.ts';
import { MINIMAL, problemsOf } from './job-file-fixture.ts';

const temp = makeTempDir('limit-cost');
afterAll(() => temp.remove());

it.each(['NaN', 'Infinity', 'inf', 'null', 'true'])(
  'a cost of %s is not taken for the name of a field',
  async (cost) => {
    const told = await problemsOf(temp.path, `${MINIMAL}limits:\n  - {name: api, rate: 5/s, cost: ${cost}}\n`);
    expect(told).toHaveLength(1);
    expect(told[0]).not.toContain(`payload.${cost}`);
  },
);

it.each(['"{payload.}"', '"{.a}"', 'a.', '"{payload.a..b}"'])(
  'a cost of %s suggests no field that is none',
  async (cost) => {
    const told = await problemsOf(temp.path, `${MINIMAL}limits:\n  - {name: api, rate: 5/s, cost: ${cost}}\n`);
    expect(told).toHaveLength(1);
    expect(told[0]).not.toContain('Write');
  },
);
