import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMiner, WILDCARD, type Readable } from '../../../src/observe/drain.ts';

interface Together {
  readonly keys: string[];
  readonly template: string;
}

/** Clusters with their members, in the order of their first message. */
function putTogether(messages: readonly Readable[]): Together[] {
  const miner = createMiner();
  const clusters = new Map<string, Together>();
  for (const message of messages) {
    const { key, template } = miner.place(message);
    clusters.set(key, { keys: [...(clusters.get(key)?.keys ?? []), message.key], template });
  }
  return [...clusters.values()];
}

const told = (texts: readonly string[]) =>
  putTogether(texts.map((text, at) => ({ key: String(at), class: 'E', text }))).map(({ template, keys }) => [
    template,
    keys.length,
  ]);

describe('messages that read alike', () => {
  it('become one template with wildcards', () => {
    expect(told(['user alice has no quota left', 'user bob has no quota left', 'disk full'])).toEqual([
      ['user <*> has no quota left', 2],
      ['disk full', 1],
    ]);
  });

  it('stay apart when they begin differently, have another length or too little in common', () => {
    expect(told(['cannot open file', 'refused open file', 'cannot open'])).toHaveLength(3);
    expect(told(['row a b c d', 'row e f g h'])).toHaveLength(2);
  });

  it('begin alike when what they begin with is masked, or varies without end', () => {
    expect(told(['<num> rows are missing', '<num> rows were missing'])).toHaveLength(1);
    const many = Array.from({ length: 500 }, (_, n) => `w${String.fromCodePoint(0x4e00 + n)} is not a known name here`);
    expect(told(many).length).toBeLessThanOrEqual(101);
  });

  it('are all in one cluster of their class, whose template fits them', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', '<num>', 'open', 'file'), { minLength: 1, maxLength: 6 });
    const message = fc.record({ class: fc.constantFrom('E', 'F'), text: text.map((words) => words.join(' ')) });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
        const keyed = messages.map((one, at) => ({ ...one, key: String(at) }));
        const clusters = putTogether(keyed);
        expect(clusters.flatMap(({ keys }) => keys).toSorted()).toEqual(keyed.map(({ key }) => key).toSorted());
        for (const { keys, template } of clusters) {
          const members = keys.map((key) => keyed[Number(key)] as (typeof keyed)[number]);
          expect(new Set(members.map((member) => member.class)).size).toBe(1);
          for (const member of members)
            for (const [at, word] of member.text.split(' ').entries())
              expect([WILDCARD, word]).toContain(template.split(' ')[at]);
        }
      }),
    );
  });
});
