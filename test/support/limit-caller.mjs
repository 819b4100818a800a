// Handler of a job whose items call a provider again and again until a file says that it is over. Environment: PROVIDER (its URL), OVER (the file), LIMIT (a
// limit of the job), and for comparisons KEEPER (URL of a module whose `openKeeper()` limits the calls instead).
import { existsSync } from 'node:fs';

const { PROVIDER, OVER, LIMIT, KEEPER } = process.env;
const LOOK_EVERY_MS = 100;

/** The process, as the provider knows it: its element, and its pid. */
const caller = `${process.env.SLURM_ARRAY_TASK_ID}.${process.pid}`;
const over = new AbortController();
const looking = setInterval(() => existsSync(OVER) && over.abort(new Error('it is over')), LOOK_EVERY_MS);
looking.unref();
const keeper = KEEPER === undefined ? null : await (await import(KEEPER)).openKeeper();

/** How many calls were made. */
export default async function handler(_item, ctx) {
  const take = keeper === null ? () => ctx.limit(LIMIT) : () => keeper.take(AbortSignal.any([over.signal, ctx.signal]));
  let calls = 0;
  while (!over.signal.aborted && !existsSync(OVER)) {
    try {
      await take();
    } catch (error) {
      if (over.signal.aborted) break;
      throw error;
    }
    await call(ctx);
    calls += 1;
  }
  // The last item of a task overwrites what the others wrote, with more.
  keeper?.note(caller);
  return calls;
}

async function call(ctx) {
  // Epoch ms of this host, as close to the turn as a handler comes.
  const turnMs = performance.timeOrigin + performance.now();
  const response = await fetch(PROVIDER, {
    method: 'POST',
    signal: ctx.signal,
    body: JSON.stringify({ caller, turnMs }),
  });
  await response.arrayBuffer();
  if (response.status !== 429) return;
  if (keeper === null) ctx.tooManyRequests(LIMIT, response);
  // What any client does by itself.
  await new Promise((resolve) => setTimeout(resolve, Number(response.headers.get('retry-after-ms'))));
}
