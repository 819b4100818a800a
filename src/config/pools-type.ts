import { DEFAULT_POOL_LEASE_MS, MOST_SLOTS, type JobPool } from '../domain/pool.ts';
import { resourceName } from './limit-values.ts';
import { perType } from './limits-type.ts';
import { shorten, type LocatedMap } from './located.ts';
import { readNamedList, sourceWords } from './named-list.ts';
import { suggestOneOf } from './near-miss.ts';
import { wholeNumber } from './plain-types.ts';
import type { ReadContext, ValueType } from './value-type.ts';

const MOST_POOLS = 20;
const EXAMPLE = '{name: db, slots: 20}';
const KEYS = ['name', 'slots', 'priority', 'per'];
/** Keys that people may expect. */
const STRANGERS: Readonly<Record<string, string>> = {
  lease: 'The lease is set for the site: slurmctl pool set NAME --slots 20 --lease 30s',
};

const name = resourceName('pool');
const slots = wholeNumber({ min: 1, max: MOST_SLOTS });
const priority = wholeNumber({ min: -1_000, max: 1_000 });

/** A pool as a job file has it, before the handler says who holds its slots. */
export type WrittenPool = Omit<JobPool, 'per'> & { readonly per?: JobPool['per'] };

/** The pools that a job uses. */
export function jobPools(): ValueType<readonly WrittenPool[]> {
  return {
    expected: `a list of pools such as [${EXAMPLE}]`,
    schema: {
      type: 'array',
      maxItems: MOST_POOLS,
      items: {
        type: 'object',
        required: ['name'],
        additionalProperties: false,
        properties: { name: name.schema, slots: slots.schema, priority: priority.schema, per: perType.schema },
      },
    },
    read: (value, context) =>
      readNamedList(value, { what: 'pool', example: EXAMPLE, most: MOST_POOLS, read: readPool }, context),
  };
}

function readPool(pool: LocatedMap, context: ReadContext): WrittenPool | undefined {
  let sound = true;
  for (const [key, entry] of pool.entries)
    if (!KEYS.includes(key)) {
      sound = false;
      context.problem(`unknown key \`${shorten(key)}\``, {
        at: entry.keyPlace,
        hint: STRANGERS[key] ?? suggestOneOf(key, KEYS),
      });
    }
  const read = <T>(key: string, type: ValueType<T>): T | undefined => {
    const entry = pool.entries.get(key);
    if (entry === undefined) return undefined;
    const found = type.read(entry.value, context);
    if (found === undefined) sound = false;
    return found;
  };
  const called = read('name', name);
  const most = read('slots', slots);
  const rank = read('priority', priority);
  const per = read('per', perType);
  if (!sound || called === undefined) return undefined;
  return {
    name: called,
    ...(most === undefined ? {} : { definition: { slots: most, leaseMs: DEFAULT_POOL_LEASE_MS } }),
    priority: rank ?? 0,
    ...(per === undefined ? {} : { per }),
    source: sourceWords(pool),
  };
}
