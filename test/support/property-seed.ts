import fc from 'fast-check';

/**
 * Property tests draw the same cases in every run, so that a run says the same of the same code. Other cases: `PROPERTY_SEED=4711 npm test`, or
 * `PROPERTY_SEED=random`; a failure prints the seed it was found with.
 */
const wanted = process.env['PROPERTY_SEED'] ?? '1';
if (wanted !== 'random') fc.configureGlobal({ seed: Number.parseInt(wanted, 10) });
