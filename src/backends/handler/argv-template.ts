/** One argument of a command: literal text and fields of the payload in turn. */
export type ArgumentTemplate = readonly (string | { readonly field: string })[];

export type Filled = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/** The name by which an argument means a payload that is not an object (a line of text, a number). */
const WHOLE = 'value';

/** Parses `{field}`, `{a.b}`, `{{` and `}}`. Null when a brace has no partner or a field no name. */
export function parseArgument(text: string): ArgumentTemplate | null {
  const parts: (string | { readonly field: string })[] = [];
  let literal = '';
  for (const [token] of text.matchAll(/\{\{|\}\}|\{[^{}]+\}|[^{}]+|[{}]/g)) {
    if (token === '{' || token === '}') return null;
    if (token === '{{' || token === '}}') literal += token[0];
    else if (token.startsWith('{')) {
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push({ field: token.slice(1, -1) });
    } else literal += token;
  }
  if (literal !== '' || parts.length === 0) parts.push(literal);
  return parts;
}

/** The argument for this payload; a field that is missing or null has no text, and the item is then bad input. */
export function fillArgument(template: ArgumentTemplate, payload: unknown): Filled {
  let text = '';
  for (const part of template) {
    if (typeof part === 'string') text += part;
    else {
      const value = fieldOf(payload, part.field);
      if (value === undefined || value === null)
        return {
          ok: false,
          message: `the command needs the field {${part.field}}, which is ${value === null ? 'null' : 'not in the item'}`,
        };
      text += typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | bigint | boolean);
    }
  }
  if (text.includes('\0')) return { ok: false, message: 'a field used in the command has a NUL character' };
  return { ok: true, text };
}

/** A member with exactly that name, else a path through nested objects. */
function fieldOf(payload: unknown, field: string): unknown {
  if (payload === null || typeof payload !== 'object') return field === WHOLE ? payload : undefined;
  if (Object.hasOwn(payload, field)) return (payload as Readonly<Record<string, unknown>>)[field];
  let value: unknown = payload;
  for (const step of field.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}
