// What a handler on Slurm asks instead of slurmctl's limiter (limit-caller.mjs): the contender that KEEPER_RUN names, with the state table of the job.
// KEEPER_RUN is {contender, state, rate, share, figures}; what it cost goes to a file of the process below `figures`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTENDERS, counted } from './limit-contenders.mjs';
import { load } from './measure.mjs';

export async function openKeeper() {
  const { contender, state: url, rate, share, figures } = JSON.parse(process.env.KEEPER_RUN);
  const { createSurroundings } = await load('app/job-backends.js');
  const { openState } = await load('app/open-backends.js');
  const surroundings = createSurroundings(process.env);
  const state = counted(await openState(url, surroundings));
  const { clock, random } = surroundings;
  const keeper = await CONTENDERS[contender]({ state, clock, random, rate, share });
  return {
    take: (signal) => keeper.take(signal),
    note: (caller) => writeFileSync(join(figures, caller), JSON.stringify(state.counts)),
  };
}
