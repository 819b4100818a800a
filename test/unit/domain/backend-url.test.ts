import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatBackendUrl,
  isSameBackend,
  knownBackend,
  parseBackendUrl,
  shortBackendUrl,
  type AwsTarget,
  type BackendUrl,
} from '../../../src/domain/backend-url.ts';

describe('reading a backend URL', () => {
  test('an S3 address with everything', () => {
    const url =
      's3://my-bucket/runs/a?path-style=true&endpoint=http://127.0.0.1:9000/&region=eu-west-1&checksums=when-required&profile=lab&role=arn:aws:iam::123456789012:role/runs';
    const parsed = parseBackendUrl(url);
    expect(parsed).toEqual({
      service: 's3',
      bucket: 'my-bucket',
      prefix: 'runs/a/',
      aws: {
        pathStyle: true,
        endpoint: 'http://127.0.0.1:9000',
        region: 'eu-west-1',
        checksums: 'when-required',
        profile: 'lab',
        role: 'arn:aws:iam::123456789012:role/runs',
      },
    });
    expect(formatBackendUrl(parsed as BackendUrl)).toBe(
      's3://my-bucket/runs/a?region=eu-west-1&endpoint=http://127.0.0.1:9000&profile=lab&role=arn:aws:iam::123456789012:role/runs&path-style=true&checksums=when-required',
    );
  });

  test.each([
    ['s3://bucket', { service: 's3', bucket: 'bucket', prefix: '', aws: {} }],
    ['s3://bucket/', { service: 's3', bucket: 'bucket', prefix: '', aws: {} }],
    ['s3://bucket/a/b/', { service: 's3', bucket: 'bucket', prefix: 'a/b/', aws: {} }],
    ['dynamodb://My_table.1', { service: 'dynamodb', table: 'My_table.1', aws: {} }],
    ['sqs://hints', { service: 'sqs', queue: 'hints', aws: {} }],
    ['file:///a/b', { service: 'file', url: 'file:///a/b' }],
  ])('%s', (url, expected) => {
    expect(parseBackendUrl(url)).toEqual(expected);
  });

  test.each([
    ['s3://Bucket', 'bucket name'],
    ['s3://b', 'bucket name'],
    ['s3://', 'bucket name'],
    ['s3://bucket/a//b', 'prefix'],
    ['s3://bucket/../b', 'prefix'],
    ['s3://bucket/a\u0000b', 'prefix'],
    ['s3://bucket#x', 'something else'],
    ['s3://key:secret@bucket/p', 'user name or password'],
    ['s3://bucket?regoin=eu-west-1', '"regoin"'],
    ['s3://bucket?region=a&region=b', 'twice'],
    ['s3://bucket?region=EU', 'region'],
    ['s3://bucket?path-style=yes', 'path-style'],
    ['s3://bucket?checksums=never', 'checksums'],
    ['s3://bucket?endpoint=rgw.example', 'endpoint'],
    ['s3://bucket?endpoint=ftp://x', 'endpoint'],
    ['s3://bucket?endpoint=https://key:secret@x', 'user name or password'],
    ['s3://bucket?endpoint=https://x%3Fa=b', 'query'],
    ['s3://bucket?role=admin', 'role'],
    ['s3://bucket?profile=a%0Ab', 'profile'],
    ['dynamodb://ab', 'table name'],
    ['dynamodb://a b c', 'table name'],
    ['dynamodb://table/x', 'path'],
    ['dynamodb://table?path-style=true', 'only S3'],
    ['sqs://q.fifo', 'FIFO'],
    ['sqs://a.b', 'queue name'],
    ['http://x', 'something else'],
    ['/plain/path', 'something else'],
  ])('%s is refused', (url, words) => {
    const parsed = parseBackendUrl(url) as { problem: string; hint: string };
    expect(parsed.problem).toContain(words);
    expect(parsed.hint).not.toBe('');
    expect(parsed.problem).not.toContain('secret');
    expect(() => knownBackend(url)).toThrow('not the URL of a backend');
  });

  test('formatting and reading are inverse', () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9]{2,8}$/);
    const aws = fc.record(
      {
        region: word,
        endpoint: word.map((host) => `https://${host}.example:7480`),
        profile: fc.stringMatching(/^[A-Za-z0-9@+/: .&=_-]{1,20}$/).filter((name) => !/[&=]/.test(name)),
        role: word.map((name) => `arn:aws:iam::123456789012:role/${name}+x`),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<AwsTarget>;
    const backend = fc.oneof(
      fc.record({
        service: fc.constant('s3' as const),
        bucket: word,
        prefix: fc.array(word).map((p) => p.map((x) => `${x}/`).join('')),
        aws,
      }),
      fc.record({ service: fc.constant('dynamodb' as const), table: word, aws }),
      fc.record({ service: fc.constant('sqs' as const), queue: word, aws }),
    );
    fc.assert(
      fc.property(backend, (value) => {
        expect(parseBackendUrl(formatBackendUrl(value))).toEqual(value);
      }),
    );
  });
});

describe('two URLs', () => {
  test('open the same backend when only the way to it differs', () => {
    expect(isSameBackend('s3://bucket/p?role=arn:aws:iam::123456789012:role/a&region=x1', 's3://bucket/p')).toBe(true);
    expect(isSameBackend('s3://bucket/p', 's3://bucket/q')).toBe(false);
    expect(isSameBackend('s3://bucket/p?endpoint=http://a', 's3://bucket/p?endpoint=http://b')).toBe(false);
    expect(isSameBackend('dynamodb://table?region=a', 'dynamodb://table?region=b')).toBe(false);
    expect(isSameBackend('dynamodb://table?profile=a', 'dynamodb://table')).toBe(true);
    expect(isSameBackend('file:///a', 'file:///a')).toBe(true);
    expect(isSameBackend('file:///a', 'file:///b')).toBe(false);
  });

  test('are shown without parameters', () => {
    expect(shortBackendUrl('s3://bucket/p?region=x')).toBe('s3://bucket/p');
  });
});
