import { beforeAll } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import { describeKilledSupervisor, describeKilledWorkers, describeUndisturbed } from './local-crash-worker.suite.ts';

beforeAll(() => compiledProject(), 120_000);

const onABadDay = { place: { kind: 'AWS services on a bad day', rate: 0.1 } } as const;

describeKilledWorkers(onABadDay);
describeKilledSupervisor(onABadDay);
describeUndisturbed(onABadDay, ['auto']);
