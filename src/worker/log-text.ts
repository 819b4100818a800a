/** The text of a log line: one JSON object, without secrets and of bounded length. Nothing that a handler can give makes it throw. */
import type { LogLevel } from '../domain/log-line.ts';
import { isSecretKey, isSecretNumber, REDACTED, redactingReplacer, redactStart, redactText } from '../domain/redact.ts';
import type { LogFields } from '../ports/log.ts';

export interface LineHead {
  readonly time: string;
  readonly level: LogLevel;
  /** Handlers are JavaScript, and log what is no text too. */
  readonly message: unknown;
}

/** What every line of one log says, made into text once. */
export interface Bindings {
  readonly fields: LogFields;
  /** `,"key":value` of each; null: lines have to be written in the careful way. */
  readonly json: string | null;
}

const MAX_LINE_CHARS = 64 * 1024;
const MAX_MESSAGE_CHARS = MAX_LINE_CHARS / 2;
/** A character may take six in JSON. */
const LEAST_MESSAGE_CHARS = MAX_LINE_CHARS / 8;
const HEAD = new Set(['time', 'level', 'msg']);

export const NO_BINDINGS: Bindings = { fields: {}, json: '' };

/** `fields` replace those of the same name. */
export function bind(bindings: Bindings, fields: LogFields): Bindings {
  const more = bindings.json === null ? null : plainJson(fields, bindings.fields);
  if (more !== null) return { fields: { ...bindings.fields, ...fields }, json: bindings.json + more };
  const known = { ...bindings.fields, ...readable(fields) };
  const isHead = Object.keys(known).some((key) => HEAD.has(key));
  const all = carefulJson(known).slice(1, -1);
  return { fields: known, json: isHead ? null : all === '' ? '' : `,${all}` };
}

/**
 * Most lines have text, numbers and nothing else, which JSON.stringify takes three times as long for when it has to ask about each: they are written
 * directly, with the same checks, and all others in the careful way.
 */
export function lineText(head: LineHead, bindings: Bindings, fields: LogFields | undefined): string {
  const msg = redactStart(messageText(head.message), MAX_MESSAGE_CHARS);
  const more = fields === undefined ? '' : plainJson(fields, bindings.fields);
  if (bindings.json === null || more === null) return carefulLine({ ...head, msg }, bindings, fields);
  const text = `{"time":"${head.time}","level":"${head.level}","msg":${JSON.stringify(msg)}${bindings.json}${more}}`;
  return text.length <= MAX_LINE_CHARS ? text : shortLine({ ...head, msg }, bindings, fields);
}

type CheckedHead = LineHead & { readonly msg: string };

/** The same line, whatever its fields are. */
export function carefulLine(head: CheckedHead, { fields: own }: Bindings, fields: LogFields | undefined): string {
  const { time, level, msg } = head;
  const text = carefulJson({ time, level, msg, ...readable(own), ...readable(fields) });
  return text.length <= MAX_LINE_CHARS ? text : shortLine(head, { fields: own, json: null }, fields);
}

function shortLine({ time, level, msg }: CheckedHead, { fields: own }: Bindings, fields: LogFields | undefined) {
  const of = fieldsOfTry({ ...own, ...readable(fields) });
  const text = carefulJson({ time, level, msg, ...of, fields: 'too long' });
  if (text.length <= MAX_LINE_CHARS) return text;
  return carefulJson({ time, level, msg: `${msg.slice(0, LEAST_MESSAGE_CHARS)}…`, fields: 'too long' });
}

const TRY_FIELDS = ['job', 'task', 'attempt', 'node', 'slurmJobId', 'item', 'try'];

/** What says where a line is from. */
export const fieldsOfTry = (fields: LogFields): LogFields =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => TRY_FIELDS.includes(key)));

/** `,"key":value` of each field; null where there is anything but plain values under names of their own. */
function plainJson(fields: LogFields, own: LogFields): string | null {
  try {
    let text = '';
    for (const key of Object.keys(fields)) {
      const value = fields[key];
      const name = nameOf(key);
      if (name.isHead || Object.hasOwn(own, key)) return null;
      const json = name.isSecret ? secretValue(key, value) : plainValue(value);
      if (json === null) return null;
      if (json !== '') text += name.json + json;
    }
    return text;
  } catch {
    return null;
  }
}

/** What there is to know of the name of a field. */
interface FieldName {
  /** `,"name":` */
  readonly json: string;
  readonly isHead: boolean;
  readonly isSecret: boolean;
}

/** Handlers use a few names again and again, and to judge one takes longer than all else about a field. */
const MOST_NAMES = 1_000;
const names = new Map<string, FieldName>();

function nameOf(key: string): FieldName {
  const known = names.get(key);
  if (known !== undefined) return known;
  const name = { json: `,${JSON.stringify(key)}:`, isHead: HEAD.has(key), isSecret: isSecretKey(key) };
  if (names.size < MOST_NAMES && key.length <= 100) names.set(key, name);
  return name;
}

/** Nothing: JSON leaves it out. Null: it is not plain. */
function plainValue(value: unknown): string | null {
  if (typeof value === 'string') return JSON.stringify(redactText(value));
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'boolean') return String(value);
  if (value === undefined) return '';
  return value === null ? 'null' : null;
}

/** The same of a field whose name makes it secret. */
function secretValue(key: string, value: unknown): string | null {
  const isHidden = typeof value === 'string' || (typeof value === 'number' && isSecretNumber(key, value));
  return isHidden ? JSON.stringify(REDACTED) : plainValue(value);
}

function messageText(message: unknown): string {
  if (typeof message === 'string') return message;
  if (message instanceof Error || typeof message !== 'object' || message === null) return safeString(message);
  return carefulJson(message as LogFields);
}

/** Of fields whose reading throws nothing is left. */
function readable(fields: LogFields | undefined): LogFields {
  try {
    const { toJSON, ...rest } = { ...fields };
    // JSON.stringify would ask a function instead.
    return toJSON === undefined || typeof toJSON === 'function' ? rest : { ...rest, toJSON };
  } catch {
    return { fields: 'not readable' };
  }
}

/** A log line must never fail work: what JSON refuses is written as text. */
function carefulJson(value: LogFields): string {
  try {
    return JSON.stringify(value, redactingReplacer) ?? '{}';
  } catch {
    const texts = Object.entries(readable(value)).map(([key, inner]) => [
      key,
      typeof inner === 'string' ? inner : safeString(inner),
    ]);
    return JSON.stringify(Object.fromEntries(texts), redactingReplacer);
  }
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '?';
  }
}
