import type { JobLimit } from '../domain/limit.ts';
import { COST_SCHEMA, readCost } from './limit-cost.ts';
import { checkStoreUnits, DEFINITION_SCHEMAS, readLimitDefinition, UNIT_SCHEMA } from './limit-definition.ts';
import { resourceName } from './limit-values.ts';
import type { LocatedMap } from './located.ts';
import { readNamedList, sourceWords } from './named-list.ts';
import { choice } from './plain-types.ts';
import type { ReadContext, ValueType } from './value-type.ts';

/** Each is a write of its own before a call. */
const MOST_LIMITS = 20;
const EXAMPLE = '{name: openai, rate: 3000/min}';

/** Who takes what a call costs; the default depends on the handler. */
export const perType = choice(['call', 'item']);
const name = resourceName('limit');

/** A limit as a job file has it, before the handler says who takes its cost. */
export type WrittenLimit = Omit<JobLimit, 'per'> & { readonly per?: JobLimit['per'] };

/** The limits that a job uses. */
export function jobLimits(): ValueType<readonly WrittenLimit[]> {
  return {
    expected: `a list of limits such as [${EXAMPLE}]`,
    schema: {
      type: 'array',
      maxItems: MOST_LIMITS,
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: name.schema, ...DEFINITION_SCHEMAS, cost: COST_SCHEMA, per: perType.schema },
        additionalProperties: UNIT_SCHEMA,
      },
    },
    read: (value, context) =>
      readNamedList(value, { what: 'limit', example: EXAMPLE, most: MOST_LIMITS, read: readLimit }, context),
  };
}

function readLimit(limit: LocatedMap, context: ReadContext): WrittenLimit | undefined {
  const at = (key: string) => limit.entries.get(key)?.value;
  const [called, costs, per] = [at('name'), at('cost'), at('per')];
  const wanted = called === undefined ? undefined : name.read(called, context);
  const definition = readLimitDefinition(limit, context);
  const known = definition === 'none' ? undefined : definition;
  const inCost: ReadContext = { ...context, problem: (message, where) => context.problem(`cost: ${message}`, where) };
  const cost = costs === undefined ? {} : readCost(costs, known, inCost);
  const taken = per === undefined ? undefined : perType.read(per, context);
  if (wanted === undefined || definition === undefined || cost === undefined) return undefined;
  if (per !== undefined && taken === undefined) return undefined;
  const problem = (message: string, hint: string): unknown => context.problem(message, { at: called ?? limit, hint });
  if (known !== undefined && !checkStoreUnits(wanted, known, problem)) return undefined;
  return {
    name: wanted,
    ...(known === undefined ? {} : { definition: known }),
    cost,
    ...(taken === undefined ? {} : { per: taken }),
    source: sourceWords(limit),
  };
}
