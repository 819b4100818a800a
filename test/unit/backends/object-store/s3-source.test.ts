import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chained, peek, untilAborted } from '../../../../src/backends/object-store/s3-body-source.ts';
import { assertFits, partBytesFor } from '../../../../src/backends/object-store/s3-upload.ts';

const MIB = 1_024 * 1_024;
async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of source) all.push(chunk);
  return Buffer.concat(all);
}
async function* from(chunks: readonly Uint8Array[], onEnd = (): void => undefined): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } finally {
    onEnd();
  }
}

describe('a source', () => {
  it('keeps its bytes when its beginning is looked at', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 150 }), async (parts, bytes) => {
        const { signal } = new AbortController();
        const { head, rest } = await peek(untilAborted(from(parts), signal), bytes);
        const all = Buffer.concat(parts);
        expect(rest === null).toBe(all.length < bytes);
        expect(await collect(rest === null ? from(head) : chained(head, rest))).toEqual(all);
      }),
    );
  });

  it('is closed when its reader leaves, in the beginning or behind it', async () => {
    for (const leaveAfter of [1, 2]) {
      let closed = 0;
      const source = from([Buffer.from('a'), Buffer.from('b'), Buffer.from('c')], () => (closed += 1));
      const { head, rest } = await peek(untilAborted(source, new AbortController().signal), 1);
      let seen = 0;
      for await (const _ of chained(head, rest as AsyncIterator<Uint8Array>)) if ((seen += 1) === leaveAfter) break;
      expect(closed).toBe(1);
    }
  });

  it('that keeps everybody waiting is left when the signal comes', async () => {
    const given = new AbortController();
    const silent = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a');
      await new Promise(() => undefined);
    };
    const reading = collect(untilAborted(silent(), given.signal));
    setImmediate(() => given.abort(new Error('given up')));
    await expect(reading).rejects.toThrow('given up');
  });
});

describe('parts', () => {
  it('are of 8 MiB, and larger only when there would be more than 10,000', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5 * 1_024 * 1_024 * MIB }), (bytes) => {
        const part = partBytesFor(bytes);
        expect(part).toBeGreaterThanOrEqual(8 * MIB);
        expect(Math.ceil(bytes / part)).toBeLessThanOrEqual(10_000);
        if (bytes <= 80_000 * MIB) expect(part).toBe(8 * MIB);
      }),
    );
  });

  it('cannot hold more than 10,000 of them of a stream that told no length', () => {
    assertFits(80_000 * MIB, 8 * MIB);
    expect(() => assertFits(80_000 * MIB + 1, 8 * MIB)).toThrow(
      expect.objectContaining({ code: 'STORE_FULL' }) as Error,
    );
  });
});
