import { parsed } from '../define-command.ts';

/** `--reason`: an empty one would leave a blank where people look for why. */
export const reasonOption = (description: string) =>
  parsed('text', description, {
    parse: (text) => (text.trim() === '' ? null : text),
    expected: 'a line of text',
  });
