import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeHtml, html, inlineElement, jsonElement, userText } from '../../../../src/observe/dashboard/html.ts';
import { clip, clipLine, plainText } from '../../../../src/observe/dashboard/plain-text.ts';

const unescapeHtml = (text: string): string =>
  text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

/** What means something in HTML, more often than chance would have it. */
const SPECIAL = fc.constantFrom('<', '>', '&', '"', "'", '`', '&#60;', '&lt;', '</script>', '<!--');

describe('html', () => {
  it('escapes whatever is put in, and nothing twice', () => {
    const name = `</p><script>alert("1")</script>'\``;
    const inner = html`<b title="${name}">${name}</b>`;
    const { markup } = html`<p>${inner}${[name, 2, null, false]}</p>`;
    expect(markup).not.toContain('<script');
    expect(markup).toBe(`<p><b title="${escapeHtml(name)}">${escapeHtml(name)}</b>${escapeHtml(name)}2</p>`);
  });

  it('text comes back as it was, and leaves neither element nor attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.oneof(SPECIAL, fc.string({ unit: 'binary', maxLength: 3 })) }), (text) => {
        const escaped = escapeHtml(text);
        expect(escaped).not.toMatch(/[<>"'`]/);
        expect(unescapeHtml(escaped)).toBe(text);
      }),
    );
  });

  it('data for the script is inert and comes back as it was', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.constant('</script><!--<script>\u2028')), (value) => {
        const { markup } = jsonElement('x', value);
        const [, content = ''] = /^<script type="application\/json" id="x">(.*)<\/script>$/s.exec(markup) ?? [];
        expect(content).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.parse(content)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('refuses a style or script that would end its element', () => {
    expect(inlineElement('style', 'a > b { }').markup).toBe('<style>a > b { }</style>');
    expect(() => inlineElement('script', 'const a = "</SCRIPT>";')).toThrow('would end its element');
    expect(() => inlineElement('script', '<!-- ')).toThrow('would end its element');
  });
});

describe('text of users', () => {
  it('shows what cannot be seen, and cannot turn what stands around it', () => {
    expect(userText('a\u202Eb').markup).toBe('<bdi>a⟨U+202E⟩b</bdi>');
    expect(plainText('\u0000\u001b[31m\u2066\ufeff')).toBe('⟨U+0000⟩⟨U+001B⟩[31m⟨U+2066⟩⟨U+FEFF⟩');
  });

  it('keeps letters of every script, emoji, tabs and lines', () => {
    const text = 'مرحبا\tнет\n👩‍🚀 é';
    expect(plainText(text)).toBe(text);
  });

  it('has no half of a character left, also where it was cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, most) => {
        const shown = plainText(clip(text, most + 1));
        expect(shown).not.toMatch(/\p{Surrogate}/u);
        expect(shown.length).toBeLessThanOrEqual(8 * (most + 1) + 40);
      }),
    );
  });

  it('takes no more room than twice its characters, whatever they are', () => {
    const characters = fc.oneof(
      fc.string({ unit: 'binary' }),
      SPECIAL,
      fc.constantFrom('\u202e', '漢', '👩‍🚀', '\ud800', 'ab'),
    );
    const texts = fc.array(characters, { maxLength: 60 }).map((some) => some.join(''));
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, most) => {
        const shown = clip(text, most);
        expect(Buffer.byteLength(userText(shown).markup)).toBeLessThanOrEqual(
          2 * most + '<bdi></bdi>… (999 more characters)'.length + 2,
        );
        if (text.length <= most && /^[\w ]*$/.test(text)) expect(shown).toBe(text);
      }),
    );
  });

  it('says how much is left out, and makes one line of many', () => {
    expect(clip('a'.repeat(1_000_000), 10)).toBe('aaaaaaaaaa… (999,990 more characters)');
    expect(clipLine(' a\n\n b\t', 10)).toBe('a b');
  });
});
