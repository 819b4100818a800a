export { createLocalBatchSystem, type LocalBatchOptions, type LocalBatchSystem } from './local-batch-system.ts';
