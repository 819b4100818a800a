import { malformed } from './malformed.ts';

export interface HeaderOptions {
  readonly file: string;
  readonly line: number;
  readonly idField: string | undefined;
}

/** @throws INPUT_MALFORMED when the names cannot be the members of an object, or the id field is not among them. */
export function checkHeader(names: readonly string[], { file, line, idField }: HeaderOptions): void {
  const refuse = (message: string, hint: string): never => {
    throw malformed({ file, line, message, hint });
  };
  names.forEach((name, index) => {
    if (name === '')
      refuse(`column ${index + 1} of the header has no name`, 'Give every column a name in the first line');
    if (name.includes('\uFFFD'))
      refuse(`the header is not valid UTF-8 (column ${index + 1})`, 'Convert the file to UTF-8');
    if (/[\r\n]/.test(name))
      refuse(
        `column ${index + 1} of the header contains a line break`,
        "End lines with LF or CRLF; for CR alone: tr '\\r' '\\n'",
      );
    const earlier = names.indexOf(name);
    if (earlier < index)
      refuse(
        `columns ${earlier + 1} and ${index + 1} of the header are both named ${JSON.stringify(name)}`,
        'Give every column its own name',
      );
  });
  if (idField !== undefined) checkIdColumn(names, { file, idField, line });
}

/** @throws INPUT_MALFORMED when `input.id` names no column. */
export function checkIdColumn(
  names: readonly string[],
  { file, idField, line }: { readonly file: string; readonly idField: string; readonly line?: number },
): void {
  if (names.includes(idField)) return;
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name));
  throw malformed({
    file,
    ...(line === undefined ? {} : { line }),
    message: `input.id names the field ${JSON.stringify(idField)}, but the fields are ${shown.join(', ')}${names.length > 20 ? ', …' : ''}`,
    hint: 'Correct input.id, or leave it out to use the ordinal',
  });
}
