import { describe, expect, it } from 'vitest';
import { createItemIdReader, itemIdOfToken, MAX_ID_CHARS } from '../../../src/domain/item-id.ts';

describe('item id', () => {
  it.each([
    ['"doc-1"', 'doc-1'],
    ['"a\\u00e9\\n"', 'aé\n'],
    ['17', '17'],
    ['-0', '0'],
    ['9007199254740993', '9007199254740993'],
    ['1e3', '1000'],
    ['2.0', '2'],
  ])('%s gives %s', (token, id) => expect(itemIdOfToken(token, 'id')).toEqual({ id }));

  it.each([
    ['null', 'id field "id" is null, expected a string or an integer'],
    ['1.5', 'id field "id" is the fraction or huge number 1.5, expected a string or an integer'],
    ['1e300', 'id field "id" is the fraction or huge number 1e+300, expected a string or an integer'],
    ['true', 'id field "id" is true, expected a string or an integer'],
    ['{"a":1}', 'id field "id" is an object, expected a string or an integer'],
    ['[1]', 'id field "id" is a list, expected a string or an integer'],
    ['""', 'id field "id" is empty'],
  ])('%s is refused', (token, problem) => expect(itemIdOfToken(token, 'id')).toEqual({ problem }));

  it('refuses an id that is really a document', () => {
    const token = JSON.stringify('x'.repeat(MAX_ID_CHARS + 1));
    expect(itemIdOfToken(token, 'id')).toEqual({ problem: 'id field "id" has 1025 characters, expected at most 1024' });
  });

  it('is read from a batch line', () => {
    const read = createItemIdReader('doc');
    const idOf = (line: string) => read(Buffer.from(line));
    expect(idOf('{"a":[1],"doc":12345678901234567890}')).toEqual({ id: '12345678901234567890' });
    expect(idOf('{"a":{"doc":1}}')).toEqual({ problem: 'id field "doc" is missing' });
    expect(idOf('[1]')).toEqual({ problem: 'id field "doc" is missing' });
  });
});
