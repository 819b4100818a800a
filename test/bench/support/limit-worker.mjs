// One of many processes that call a provider under one limit. Its parent sends {open: {url}} once, then {run: {…}} for each round, and hears
// {ready} and {done: counts} over IPC. {env: {…}} says where services are. It ends when its parent does.
import { load } from './measure.mjs';
import { CONTENDERS, counted } from './limit-contenders.mjs';

const { createSurroundings } = await load('app/job-backends.js');
const { openState } = await load('app/open-backends.js');
const { clock, random } = createSurroundings(process.env);
let table;

process.on('disconnect', () => process.exit(0));
process.on('message', (message) => void obey(message));
process.send({ ready: true });

async function obey({ env, open, run }) {
  if (run !== undefined) return void process.send({ done: await round(run) });
  Object.assign(process.env, env);
  if (open !== undefined) table = await openState(open.url, createSurroundings(process.env));
  process.send({ ready: true });
}

/** Calls from `beginMs` to `endMs` (epoch ms), `inFlight` at a time. */
async function round({ contender, caller, rate, share, provider, inFlight, beginMs, endMs }) {
  const state = counted(table);
  const stop = new AbortController();
  await clock.sleep(beginMs - Date.now());
  const keeper = await CONTENDERS[contender]({ state, clock, random, rate, share });
  setTimeout(() => stop.abort(new Error('the round is over')), endMs - Date.now());
  const waits = [];
  const errors = [];
  const caught = (error) => {
    if (!stop.signal.aborted) errors.push(String(error));
  };
  const calls = async () => {
    while (!stop.signal.aborted) {
      const asked = performance.now();
      await keeper.take(stop.signal);
      waits.push(performance.now() - asked);
      await call(keeper, provider, caller);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, () => calls().catch(caught)));
  await keeper.close();
  return { caller, waits, errors, expiredLeases: keeper.expiredLeases(), ...state.counts };
}

async function call(keeper, provider, caller) {
  const response = await fetch(provider, { method: 'POST', body: JSON.stringify({ caller }) });
  await response.arrayBuffer();
  if (response.status !== 429) return;
  const retryAfterMs = Number(response.headers.get('retry-after-ms'));
  keeper.refused(retryAfterMs);
  // What any client does by itself: this loop of calls stays away for as long as it was told.
  await clock.sleep(retryAfterMs);
}
