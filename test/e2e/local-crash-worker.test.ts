import { beforeAll } from 'vitest';
import { compiledProject } from '../support/compiled.ts';
import {
  describeKilledSupervisor,
  describeKilledWorkers,
  describeTimeLimit,
  describeUndisturbed,
} from './local-crash-worker.suite.ts';

beforeAll(() => compiledProject(), 120_000);

const at = { place: { kind: 'a directory' } } as const;

describeKilledWorkers(at);
describeTimeLimit(at);
describeKilledSupervisor(at);
describeUndisturbed(at, ['auto', 'tasks', '7']);
