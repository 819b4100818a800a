import { inspect } from 'node:util';

const MESSAGE_CHARS = 2_000;
const DETAIL_CHARS = 8_000;
const CLASS_CHARS = 200;

export interface ThrownFacts {
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
    return { errorClass: 'NonError', errorMessage: shorten(text, MESSAGE_CHARS), detail };
  }
  return {
    errorClass: shorten(className(thrown), CLASS_CHARS),
    errorMessage: shorten(thrown.message, MESSAGE_CHARS),
    detail,
  };
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
