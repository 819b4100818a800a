import type { HandlerSpec, JobSpec } from '../domain/job-spec.ts';
import { STORE_LIMIT } from '../domain/limit.ts';
import { poolVariable, type JobPool } from '../domain/pool.ts';
import type { JobBuild } from './job-build.ts';
import type { Located } from './located.ts';
import { sourceWords } from './named-list.ts';

type Shared = Pick<JobSpec, 'limits' | 'pools' | 'concurrency'>;

/** What the job shares with others; keys without anything in them are absent. Problems are gathered in the reader. */
export function buildLimits(build: JobBuild, handler: HandlerSpec | undefined): Shared {
  const { reader } = build;
  const limits = reader
    .read('limits')
    ?.map((limit, at) => ({ ...limit, per: perOf(build, limit, { handler, of: 'limits', at }) }));
  const pools = reader
    .read('pools')
    ?.map((pool, at) => ({ ...pool, per: perOf(build, pool, { handler, of: 'pools', at }) }));
  if (handler?.kind === 'command') checkVariables(build, pools ?? []);
  const concurrency = buildConcurrency(build);
  return {
    ...(limits === undefined || limits.length === 0 ? {} : { limits }),
    ...(pools === undefined || pools.length === 0 ? {} : { pools }),
    ...(concurrency === undefined ? {} : { concurrency }),
  };
}

/** A program has no way to ask for its turn, so for it the worker does. */
function perOf(
  { reader }: JobBuild,
  { name, per }: { readonly name: string; readonly per?: 'call' | 'item' },
  about: { readonly handler: HandlerSpec | undefined; readonly of: 'limits' | 'pools'; readonly at: number },
): 'call' | 'item' {
  const { handler, of, at } = about;
  // Merges and `advance` take its turns; items only where the job says so.
  if (of === 'limits' && name === STORE_LIMIT) return per ?? 'call';
  const isCommand = handler?.kind === 'command';
  if (per === 'call' && isCommand)
    reader
      .context(of)
      .problem(`${of.slice(0, -1)} ${name}: found per: call with handler.command, which cannot ask by itself`, {
        at: keyIn(reader.find(of)?.value, at, 'per') ?? reader.placeOf(of),
        hint: 'Write per: item',
      });
  return per ?? (isCommand ? 'item' : 'call');
}

/** A program that reads the slot of one pool must not get that of another. */
function checkVariables({ reader }: JobBuild, pools: readonly JobPool[]): void {
  const written = reader.find('pools')?.value;
  const earlier = new Map<string, JobPool>();
  for (const [at, pool] of pools.entries()) {
    const variable = poolVariable(pool.name);
    const other = earlier.get(variable);
    if (other === undefined) earlier.set(variable, pool);
    else
      reader
        .context('pools')
        .problem(
          `pool ${pool.name}: found the pools ${other.name} and ${pool.name}, whose slots a command would both find in ${variable}_SLOT`,
          { at: keyIn(written, at, 'name') ?? reader.placeOf('pools'), hint: 'Call one of the two otherwise' },
        );
  }
}

/** What is written for a key of a record in a list. */
function keyIn(written: Located | undefined, at: number, key: string): Located | undefined {
  const record = written?.kind === 'list' ? written.items[at] : undefined;
  return record?.kind === 'map' ? record.entries.get(key)?.value : record;
}

function buildConcurrency({ reader }: JobBuild): JobSpec['concurrency'] {
  const group = reader.read('concurrency.group');
  const max = reader.read('concurrency.max');
  const written = reader.find('concurrency');
  if (group !== undefined && written !== undefined)
    return { group, ...(max === undefined ? {} : { max }), source: sourceWords(written.value) };
  if (reader.find('concurrency')?.value.kind === 'map' && reader.find('concurrency.group') === undefined)
    reader.context('concurrency').problem('found no group, expected one such as {group: nightly, max: 1}', {
      at: reader.placeOf('concurrency'),
    });
  return undefined;
}
