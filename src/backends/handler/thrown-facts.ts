import { inspect } from 'node:util';
import type { Cause } from '../../domain/causes.ts';
import { classify } from '../../domain/classify.ts';

const MESSAGE_CHARS = 2_000;
const DETAIL_CHARS = 8_000;
const CLASS_CHARS = 200;

export interface ThrownFacts {
  readonly cause: Cause;
  readonly errorClass: string;
  readonly errorMessage: string;
  /** Stack with causes. */
  readonly detail: string;
}

/** What a handler threw, whatever it is, as bounded text. */
export function factsOf(thrown: unknown): ThrownFacts {
  const detail = shorten(inspectSafely(thrown), DETAIL_CHARS);
  if (!isErrorLike(thrown)) {
    const text = typeof thrown === 'string' ? thrown : inspectSafely(thrown);
    const errorMessage = shorten(text, MESSAGE_CHARS);
    return { ...classified('NonError', errorMessage), errorMessage, detail };
  }
  const errorMessage = shorten(thrown.message, MESSAGE_CHARS);
  const errorClass = shorten(className(thrown), CLASS_CHARS);
  return { ...classified(errorClass, saidSafely(thrown)), errorMessage, detail };
}

const classified = (errorClass: string, message: string) => ({ cause: classify({ errorClass, message }), errorClass });

/** Any of its properties may be a getter that throws. */
function saidSafely(thrown: ErrorLike): string {
  try {
    return saidBy(thrown);
  } catch {
    return '';
  }
}

/** Errors wrap the one that tells what happened. */
const DEEPEST_CAUSE = 5;

/** What an error says of its cause: message, code and HTTP status, of itself and of the errors it wraps. */
function saidBy(thrown: unknown): string {
  const said: string[] = [];
  let error = thrown;
  for (let depth = 0; depth < DEEPEST_CAUSE && isErrorLike(error); depth += 1) {
    const { code, status, statusCode, $metadata, response } = error as ErrorDetails;
    const statuses = [status, statusCode, $metadata?.httpStatusCode, response?.status];
    const http = statuses.find((each) => typeof each === 'number');
    said.push(className(error), shorten(error.message, MESSAGE_CHARS));
    if (typeof code === 'string') said.push(shorten(code, CLASS_CHARS));
    if (http !== undefined) said.push(`status ${String(http)}`);
    error = (error as ErrorDetails).cause;
  }
  return said.join('\n');
}

/** As Node, the AWS SDK and the common HTTP clients put them on their errors. */
interface ErrorDetails {
  readonly code?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown } | null;
  readonly response?: { readonly status?: unknown } | null;
  readonly cause?: unknown;
}

interface ErrorLike {
  readonly name: string;
  readonly message: string;
}

/** Also errors of another realm (vm contexts), which are no instances of this one's Error. */
const isErrorLike = (thrown: unknown): thrown is ErrorLike =>
  typeof thrown === 'object' &&
  thrown !== null &&
  typeof (thrown as Partial<ErrorLike>).message === 'string' &&
  typeof (thrown as Partial<ErrorLike>).name === 'string';

/** Subclasses often forget to set `name`. */
function className(error: ErrorLike): string {
  if (error.name !== 'Error' && error.name !== '') return error.name;
  const { constructor } = error as { readonly constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'Error';
}

function inspectSafely(value: unknown): string {
  try {
    return inspect(value, { depth: 3, maxArrayLength: 20, maxStringLength: 2_000 });
  } catch {
    return 'a value that cannot be shown';
  }
}

export const shorten = (text: string, chars: number): string =>
  text.length > chars ? `${text.slice(0, chars - 1)}…` : text;
