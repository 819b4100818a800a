import { beforeAll } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import { describeCancels, describeKilledAdvances } from './local-crash-end.suite.ts';

beforeAll(() => compiledProject(), 120_000);

const at = { place: { kind: 'a directory' } } as const;

describeKilledAdvances(at);
describeCancels(at, 5);
