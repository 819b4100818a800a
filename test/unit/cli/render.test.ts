import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellText, jsonText } from '../../../src/cli/render/json.ts';
import { createStyle } from '../../../src/cli/render/style.ts';
import { renderTable } from '../../../src/cli/render/table.ts';
import { displayWidth, fit, percent, printable, rate, shellWord, wrap } from '../../../src/cli/render/text.ts';

const anyText = fc.string({ unit: 'binary' });

describe('printable', () => {
  it('leaves no control character and nothing that turns the line round', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        // oxlint-disable-next-line no-control-regex -- control characters are what this is about
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      }),
    );
  });

  it('leaves ordinary text alone', () => {
    expect(printable('naïve 文字 🎉 a\\b')).toBe('naïve 文字 🎉 a\\b');
  });
});

describe('fit', () => {
  it('never gives more columns than asked for', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 50 }), (text, width) => {
        expect(displayWidth(fit(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('cuts with an ellipsis, and counts wide characters twice', () => {
    expect([fit('abcdef', 6), fit('abcdef', 5), fit('文字文字', 5)]).toEqual(['abcdef', 'abcd…', '文字…']);
  });
});

describe('wrap', () => {
  it('gives lines that fit, and loses no word of a text that takes few of them', () =>
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })),
        fc.nat(80),
        (words, width) => {
          const text = words.join(' ');
          const lines = wrap(text, width);
          expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(Math.max(1, width));
          expect(lines.length).toBeLessThanOrEqual(4);
          if (width >= 24 && !lines.some((line) => line.endsWith('…')))
            expect(lines.join(' ').split(/ +/)).toEqual(text.split(/ +/));
        },
      ),
    ));

  it('keeps the command that ends a text in one piece, and the margin of its first line', () => {
    const command = 'slurmctl analyze-errors embed-7k3f9q2m';
    expect(wrap(`what failed, where and what to do: ${command}`, 50)).toEqual([
      'what failed, where and what to do:',
      command,
    ]);
    expect(wrap(`  ask for less: ${command}`, 45)).toEqual(['  ask for less:', `  ${command}`]);
    expect(wrap(`what to do: ${command}`, 30)).toEqual(['what to do: slurmctl', 'analyze-errors embed-7k3f9q2m']);
  });

  it('cuts what never ends', () => {
    const lines = wrap('word '.repeat(100_000), 30);
    expect(lines).toHaveLength(4);
    expect(lines[3]?.endsWith('…')).toBe(true);
    expect(wrap('x'.repeat(100), 30)).toEqual([`${'x'.repeat(29)}…`]);
  });
});

describe('jsonText', () => {
  it('is what JSON.stringify says wherever that can say it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        expect(jsonText(value, indent)).toBe(JSON.stringify(value, null, indent));
      }),
    );
  });

  it('keeps digits, names what is not finite, drops undefined members, writes dates', () => {
    expect(jsonText({ a: 2n ** 64n, b: [Number.NaN, -Infinity], c: undefined, d: [undefined], e: new Date(0) })).toBe(
      '{"a":18446744073709551616,"b":["NaN","-Infinity"],"d":[null],"e":"1970-01-01T00:00:00.000Z"}',
    );
  });
});

describe('cellText', () => {
  it('shows text as it is and numbers without the noise of their last bits', () => {
    expect(
      ['a"b', null, 0.1 + 0.2, 123456789012, 98765432109.5, 1e-9 / 3, 2n ** 60n, Number.NaN, [1, 'x'], true].map(
        cellText,
      ),
    ).toEqual([
      'a"b',
      '',
      '0.3',
      '123456789012',
      '98765432109.5',
      '3.333333333e-10',
      '1152921504606846976',
      'NaN',
      '[1,"x"]',
      'true',
    ]);
  });
});

describe('renderTable', () => {
  it('keeps every line within the terminal and every row on one line', () => {
    const cell = fc.string({ unit: 'binary', maxLength: 90 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const columns = [{ head: 'A' }, { head: 'B', align: 'right' as const }, { head: 'C' }];
        const text = renderTable(columns, rows, { view: { style: createStyle(false), width: 60, flagged: String } });
        expect(text.split('\n')).toHaveLength(rows.length + 2);
      }),
    );
  });

  it('shrinks the widest column first', () => {
    const text = renderTable([{ head: 'ID' }, { head: 'TEXT' }], [['short', 'x'.repeat(50)]], {
      view: { style: createStyle(false), width: 20, flagged: String },
    });
    expect(text).toBe(`ID     TEXT\nshort  ${'x'.repeat(12)}…\n`);
  });
});

describe('words', () => {
  it('percent is 100 only when all is done', () => {
    expect([percent(999_999, 1_000_000), percent(0, 0), percent(5, 5)]).toEqual(['99%', '0%', '100%']);
  });

  it('rates of any size are readable', () => {
    expect([0.0213, 1.26, 45.6, 1234.5].map(rate)).toEqual(['0.021/s', '1.3/s', '46/s', '1,235/s']);
  });

  it('shell words come back as one argument', () => {
    expect(['job.yaml', "it's", 'a b', ''].map(shellWord)).toEqual(['job.yaml', "'it'\\''s'", "'a b'", "''"]);
  });
});
