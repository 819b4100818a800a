import { beforeAll } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import { describeCancels, describeKilledAdvances } from './local-crash-end.suite.ts';
import {
  describeAttachedSubmits,
  describeKilledSubmits,
  describeSeveralAtOnce,
  SMALL_INPUT,
} from './local-crash-submit.suite.ts';

beforeAll(() => compiledProject(), 120_000);

const at = { place: { kind: 'AWS services on a bad day', rate: 0.1 } } as const;

describeKilledSubmits(at, [{ ...SMALL_INPUT, kills: 5 }]);
describeAttachedSubmits(at, ['SIGKILL']);
describeSeveralAtOnce(at);
describeKilledAdvances(at);
describeCancels(at, 2);
