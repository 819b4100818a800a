import { isSection, keysBelow, type KeyTable } from './key-table.ts';
import { JOB_KEYS } from './job-keys.ts';
import type { JsonSchema } from './value-type.ts';

/** JSON Schema (2020-12) of a job file, for editors. It knows shapes and bounds; `slurmctl plan` knows combinations and paths too. */
export function renderJobFileSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'slurmctl job file',
    ...sectionSchema(JOB_KEYS, ''),
  };
}

function sectionSchema(table: KeyTable, section: string): JsonSchema {
  const properties = keysBelow(table, section).map((key) => {
    const path = section === '' ? key : `${section}.${key}`;
    return [key, keySchema(table, path)] as const;
  });
  const required = section === '' ? { required: ['input', 'handler'] } : {};
  return { type: 'object', additionalProperties: false, ...required, properties: Object.fromEntries(properties) };
}

function keySchema(table: KeyTable, path: string): JsonSchema {
  const row = Object.hasOwn(table, path) ? table[path] : undefined;
  const section = isSection(table, path) ? sectionSchema(table, path) : undefined;
  if (row === undefined) return section ?? {};
  const words = { description: row.meaning, ...(row.kind === 'defaulted' ? { default: row.default } : {}) };
  return section === undefined ? { ...words, ...row.type.schema } : { ...words, anyOf: [row.type.schema, section] };
}
