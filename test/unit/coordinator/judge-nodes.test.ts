import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AVOID_MS, judgeNodes, QUICK_MS, tallyNodes } from '../../../src/coordinator/judge-nodes.ts';
import type { AvoidedNode, NodeTally } from '../../../src/domain/nodes.ts';
import type { ElementState } from '../../../src/ports/batch-system.ts';

const NOW = 1_000_000;
const tallies = (nodes: Record<string, readonly [good: number, quick: number]>): Map<string, NodeTally> =>
  new Map(
    Object.entries(nodes).map(([node, [good, quick]]) => [node, { good, quick, slowestMs: quick > 0 ? 9_200 : 0 }]),
  );
const avoided = (
  nodes: Record<string, readonly [number, number]>,
  known: readonly AvoidedNode[] = [],
): readonly string[] => judgeNodes(tallies(nodes), known, NOW).map(({ node }) => node);
const known = (node: string, untilMs = NOW + 1): AvoidedNode => ({ node, sinceMs: 0, untilMs, why: '' });

describe('judgeNodes', () => {
  it.each([
    ['one that kills what others run', { n1: [5, 0], n7: [0, 4] }, ['n7']],
    ['one that kills nearly everything', { n1: [5, 0], n7: [1, 4] }, ['n7']],
    ['none that let some of its elements work', { n1: [5, 0], n7: [2, 4] }, []],
    ['none for two bad ends', { n1: [5, 0], n7: [0, 2] }, []],
    ['none where everything dies everywhere', { n1: [0, 9], n2: [0, 9], n7: [0, 9] }, []],
    ['none where the others are not much better', { n1: [3, 2], n2: [3, 0], n7: [0, 9] }, []],
    ['none where nothing has succeeded yet', { n1: [0, 1], n7: [0, 9] }, []],
    ['none where there is one node', { n7: [0, 9] }, []],
    ['a quarter at most, the worst first', { n1: [9, 0], n2: [9, 0], n3: [0, 3], n4: [0, 5], n5: [1, 0] }, ['n4']],
    [
      'two of eight',
      { a: [1, 0], b: [1, 0], c: [1, 0], d: [1, 0], e: [1, 0], x: [0, 3], y: [0, 3], z: [0, 4] },
      ['z', 'x'],
    ],
  ] as const)('avoids %s', (_, nodes, expected) => {
    expect(avoided(nodes)).toEqual(expected);
  });

  it('says what happened there and elsewhere, and until when it holds', () => {
    expect(judgeNodes(tallies({ n1: [5, 0], n7: [0, 4] }), [], NOW)).toEqual([
      {
        node: 'n7',
        sinceMs: NOW,
        untilMs: NOW + AVOID_MS,
        why: '4 elements died there within 10 s, none elsewhere',
      },
    ]);
    const [one] = judgeNodes(tallies({ n1: [29, 1], n7: [0, 4] }), [], NOW);
    expect(one?.why).toBe('4 elements died there within 10 s, 1 of 30 elsewhere');
  });

  it('keeps a node until its time is over, counts it in, and does not avoid it twice', () => {
    expect(avoided({ n1: [5, 0] }, [known('n7')])).toEqual(['n7']);
    expect(avoided({ n1: [5, 0], n7: [0, 4] }, [known('n7')])).toEqual(['n7']);
    expect(avoided({ n1: [5, 0], n3: [0, 4] }, [known('n7')])).toEqual(['n7']);
    expect(avoided({ n1: [5, 0], n3: [0, 4] }, [known('n7', NOW)])).toEqual(['n3']);
  });

  it('never avoids more than a quarter, or one, and never all', () => {
    const node = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^n\d{1,2}$/), node), (nodes) => {
        const count = Object.keys(nodes).length;
        const most = count < 2 ? 0 : Math.max(1, Math.floor(count / 4));
        const names = avoided(nodes);
        expect(names.length).toBeLessThanOrEqual(most);
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });
});

describe('tallyNodes', () => {
  const element = (more: Partial<ElementState>): ElementState => ({
    id: '1',
    index: 0,
    phase: 'ended',
    cause: 'worker-error',
    rawState: 'FAILED',
    node: 'n1',
    ranMs: 1_000,
    ...more,
  });
  const tally = (more: Partial<ElementState>): string => {
    const found = tallyNodes([element(more)]).get('n1');
    return found === undefined ? 'nothing' : found.quick > 0 ? 'quick' : 'good';
  };

  it.each([
    [{}, 'quick'],
    [{ cause: 'launch-failed', ranMs: 0 }, 'quick'],
    [{ cause: 'killed', ranMs: QUICK_MS }, 'quick'],
    [{ ranMs: QUICK_MS + 1 }, 'good'],
    [{ cause: null }, 'good'],
    [{ phase: 'running', cause: null, ranMs: QUICK_MS + 1 }, 'good'],
    [{ phase: 'running', cause: null }, 'nothing'],
    [{ phase: 'waiting', cause: null }, 'nothing'],
    [{ phase: 'unknown', cause: null }, 'nothing'],
    [{ cause: 'oom' }, 'nothing'],
    [{ cause: 'preempted' }, 'nothing'],
    [{ cause: 'cancelled-by-user' }, 'nothing'],
    [{ cause: 'time-limit' }, 'nothing'],
    [{ cause: 'node-fail' }, 'nothing'],
  ] as const)('takes %j for %s', (more, expected) => {
    expect(tally(more)).toBe(expected);
  });

  it('knows nothing of elements without a node or a time', () => {
    const { node: _node, ...nowhere } = element({});
    const { ranMs: _ranMs, ...timeless } = element({});
    expect(tallyNodes([nowhere, timeless]).size).toBe(0);
  });

  it('adds up by node and keeps the longest of the quick runs', () => {
    const all = tallyNodes([element({}), element({ ranMs: 3_000 }), element({ cause: null }), element({ node: 'n2' })]);
    expect(Object.fromEntries(all)).toEqual({
      n1: { good: 1, quick: 2, slowestMs: 3_000 },
      n2: { good: 0, quick: 1, slowestMs: 1_000 },
    });
  });
});
