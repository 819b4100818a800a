import { beforeAll } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import {
  BIG_INPUT,
  describeAttachedSubmits,
  describeKilledSubmits,
  describeSeveralAtOnce,
  SMALL_INPUT,
} from './local-crash-submit.suite.ts';

beforeAll(() => compiledProject(), 120_000);

const at = { place: { kind: 'a directory' } } as const;

describeKilledSubmits(at, [
  { ...SMALL_INPUT, kills: 8 },
  { ...BIG_INPUT, kills: 6 },
]);
describeAttachedSubmits(at, ['SIGINT', 'SIGKILL']);
describeSeveralAtOnce(at);
