import { isAbsolute, join, resolve } from 'node:path';
import type { SecretReference } from '../domain/alert-rule.ts';
import type { Located } from './located.ts';
import type { ValueType } from './value-type.ts';

const EXPECTED = 'env:NAME or file:PATH, which is where the secret is';
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Where a secret is kept. What stands there instead of a reference may be the secret itself, and is not repeated. */
export function secretReference(userHome: string | undefined): ValueType<SecretReference> {
  return {
    expected: EXPECTED,
    schema: { type: 'string', pattern: '^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$' },
    read(value, context) {
      const found = parseReference(value, userHome);
      if (found !== null) return found;
      return context.problem(`found something else, expected ${EXPECTED}`, {
        at: value,
        hint: 'A secret is not written into a settings file: put it into a file of mode 600, or into a variable',
      });
    },
  };
}

export function parseReference(value: Located, userHome: string | undefined): SecretReference | null {
  if (value.kind !== 'scalar' || typeof value.value !== 'string') return null;
  const [from, ...rest] = value.value.split(':');
  const word = rest.join(':');
  if (from === 'env') return VARIABLE.test(word) ? { from: 'env', name: word } : null;
  if (from !== 'file' || word === '' || word.includes('\0')) return null;
  if (word.startsWith('~/'))
    return userHome === undefined ? null : { from: 'file', path: join(userHome, word.slice(2)) };
  return { from: 'file', path: isAbsolute(word) ? word : resolve(value.dir, word) };
}
