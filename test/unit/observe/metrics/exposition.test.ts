import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { METRICS, type MetricName } from '../../../../src/domain/metrics.ts';
import { renderExposition } from '../../../../src/observe/metrics/exposition.ts';
import { readPrometheusText } from '../../../support/prometheus-text.ts';

describe('the table of metrics', () => {
  it('keeps to the rules of names, units and labels', () => {
    for (const [name, { type, help, labels }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^slurmctl_[a-z_]+[a-z]$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(help).toMatch(/^[A-Z0-9].*\.$/);
      // Prometheus has labels of these names of its own, and those of the others may have any number of values.
      for (const label of labels)
        expect(['job', 'instance', 'le', 'task', 'item', 'node', 'message']).not.toContain(label);
    }
  });
});

describe('the text', () => {
  it('has HELP and TYPE once a family, in the order of the table', () => {
    const text = renderExposition([
      { name: 'slurmctl_pool_slots', labels: { pool: 'db' }, value: 3 },
      { name: 'slurmctl_unreadable_jobs', labels: {}, value: 0 },
      { name: 'slurmctl_pool_slots', labels: { pool: 'a"b\\c\nd' }, value: 1.5 },
    ]);
    expect(text).toBe(
      '# HELP slurmctl_unreadable_jobs Jobs whose state could not be read: they are missing here.\n' +
        '# TYPE slurmctl_unreadable_jobs gauge\n' +
        'slurmctl_unreadable_jobs 0\n' +
        '# HELP slurmctl_pool_slots Slots of a pool.\n' +
        '# TYPE slurmctl_pool_slots gauge\n' +
        'slurmctl_pool_slots{pool="db"} 3\n' +
        'slurmctl_pool_slots{pool="a\\"b\\\\c\\nd"} 1.5\n',
    );
  });

  it('says again what it was given, whatever that is', () => {
    const names = Object.keys(METRICS) as MetricName[];
    const sample = fc.record({
      name: fc.constantFrom(...names),
      value: fc.double(),
      text: fc.string({
        unit: fc.constantFrom('"', '\\', '\n', 'n', '{', '}', ',', '=', ' ', 'a', 'é', '🎉', '\u202e'),
      }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(sample, {
          maxLength: 8,
          selector: ({ name, text }) => JSON.stringify([name, METRICS[name].labels.length === 0 ? '' : text]),
        }),
        (given) => {
          const samples = given.map(({ name, value, text }) => ({
            name,
            value: value === 0 ? 0 : value,
            labels: Object.fromEntries(METRICS[name].labels.map((label) => [label, text])),
          }));
          const read = [...readPrometheusText(renderExposition(samples)).values()].flatMap((family) => family.samples);
          const key = (one: object): string =>
            JSON.stringify(one, (_, each: unknown) => (typeof each === 'number' ? String(each) : each));
          expect(read.map(key).toSorted()).toEqual(
            samples.map(({ name, labels, value }) => key({ name, labels, value })).toSorted(),
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the reader that the tests go by', () => {
  it.each([
    ['no end', '# HELP a_b x\n# TYPE a_b gauge\na_b 1'],
    ['no HELP', 'a_b 1\n'],
    ['no TYPE', '# HELP a_b x\na_b 1\n'],
    ['a family twice', '# HELP a_b x\n# TYPE a_b gauge\na_b 1\n# HELP a_b x\n'],
    ['a series twice', '# HELP a x\n# TYPE a gauge\na{l="1"} 1\na{l="1"} 2\n'],
    ['a raw quote', '# HELP a x\n# TYPE a gauge\na{l="1"2"} 1\n'],
    ['an unknown escape', '# HELP a x\n# TYPE a gauge\na{l="\\t"} 1\n'],
    ['a counter without _total', '# HELP a x\n# TYPE a counter\na 1\n'],
    ['a sample of another family', '# HELP a x\n# TYPE a gauge\nb 1\n'],
    ['a value that is none', '# HELP a x\n# TYPE a gauge\na one\n'],
    ['an empty line', '# HELP a x\n\n# TYPE a gauge\n'],
  ])('refuses %s', (_, text) => {
    expect(() => readPrometheusText(text)).toThrow();
  });
});
