/**
 * Where a backend lives, as one URL that is complete in itself: a worker on another host opens the same backend from it alone.
 *
 *   file:///scratch/me/objects
 *   s3://bucket/prefix?region=eu-central-1&endpoint=https://rgw.example&path-style=true&checksums=when-required
 *   dynamodb://table?region=eu-central-1        sqs://queue?region=eu-central-1&role=arn:aws:iam::123456789012:role/runs
 *
 * Query parameters as in gocloud.dev's bucket URLs. There are never credentials in them: a URL that has some is refused.
 */

export type AwsService = 's3' | 'dynamodb' | 'sqs';

export const CHECKSUM_MODES = ['when-supported', 'when-required'] as const;
export type ChecksumMode = (typeof CHECKSUM_MODES)[number];

/** How a service is reached; what is absent is left to the SDK's usual chain. */
export interface AwsTarget {
  readonly region?: string;
  /** Base URL of a server that speaks the service's protocol; absent: AWS itself. */
  readonly endpoint?: string;
  /** Named profile of the shared AWS configuration files. */
  readonly profile?: string;
  /** ARN of a role to assume. */
  readonly role?: string;
  /** Bucket in the path instead of the host name; for S3-compatible servers. */
  readonly pathStyle?: boolean;
  /** `when-required` leaves out the checksums that older S3-compatible servers stumble over. */
  readonly checksums?: ChecksumMode;
}

export type AwsBackend =
  | { readonly service: 's3'; readonly bucket: string; readonly prefix: string; readonly aws: AwsTarget }
  | { readonly service: 'dynamodb'; readonly table: string; readonly aws: AwsTarget }
  | { readonly service: 'sqs'; readonly queue: string; readonly aws: AwsTarget };

export type BackendUrl = { readonly service: 'file'; readonly url: string } | AwsBackend;

/** Why a URL was refused: what was found and expected, never repeating the URL, which may hold a password. */
export interface UrlProblem {
  readonly problem: string;
  readonly hint: string;
}

const AWS_URL = /^(s3|dynamodb|sqs):\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/;
const PARAMETERS = ['region', 'endpoint', 'profile', 'role', 'path-style', 'checksums'] as const;
const S3_ONLY = ['path-style', 'checksums'];

/** Reads a backend's URL; a problem when it is not one. */
export function parseBackendUrl(url: string): BackendUrl | UrlProblem {
  if (url.startsWith('file:///')) return { service: 'file', url };
  const parts = AWS_URL.exec(url);
  if (parts === null)
    return {
      problem: 'found something else than file:///directory, s3://bucket/prefix, dynamodb://table or sqs://queue',
      hint: 'Write the address as one of these, with nothing behind a "#"',
    };
  const [, service, host = '', path = '', query = ''] = parts;
  if (host.includes('@'))
    return {
      problem: 'found a user name or password in the address',
      hint: 'Leave credentials to the AWS environment variables, the shared credentials file or an instance role',
    };
  const aws = readTarget(service as AwsService, new URLSearchParams(query));
  if ('problem' in aws) return aws;
  return service === 's3' ? readBucket(host, path, aws) : readNamed(service as 'dynamodb' | 'sqs', { host, path, aws });
}

/** The canonical text of a URL: equal backends with equal targets give equal strings. */
export function formatBackendUrl(backend: BackendUrl): string {
  if (backend.service === 'file') return backend.url;
  const { aws } = backend;
  const values = {
    region: aws.region,
    endpoint: aws.endpoint,
    profile: aws.profile,
    role: aws.role,
    'path-style': aws.pathStyle === undefined ? undefined : String(aws.pathStyle),
    checksums: aws.checksums,
  };
  const query = PARAMETERS.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [`${name}=${escapeValue(value)}`];
  });
  return `${placeOf(backend)}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** The address without parameters, for people: `s3://bucket/prefix`. */
export const shortBackendUrl = (url: string): string => url.replace(/\?.*$/s, '');

/** True when both open the same data: the way to it (profile, role, checksums) does not count. */
export function isSameBackend(a: string, b: string): boolean {
  return identityOf(a) === identityOf(b);
}

/**
 * The backend behind a URL that was checked before it was stored or passed on.
 * @throws Error for anything else: a bug
 */
export function knownBackend(url: string): BackendUrl {
  const parsed = parseBackendUrl(url);
  if ('problem' in parsed) throw new Error(`not the URL of a backend: ${parsed.problem}`);
  return parsed;
}

function identityOf(url: string): string {
  const parsed = parseBackendUrl(url);
  if ('problem' in parsed || parsed.service === 'file') return url;
  const { region, endpoint } = parsed.aws;
  // Names of buckets are unique in the world of their endpoint, tables and queues within a region.
  const where = parsed.service === 's3' ? [endpoint] : [region, endpoint];
  return [placeOf(parsed), ...where.map((part) => part ?? '')].join(' ');
}

function placeOf(backend: AwsBackend): string {
  if (backend.service === 's3') return `s3://${backend.bucket}${backend.prefix && `/${backend.prefix.slice(0, -1)}`}`;
  return backend.service === 'dynamodb' ? `dynamodb://${backend.table}` : `sqs://${backend.queue}`;
}

/** Values stay readable: only what would end them is escaped. */
const escapeValue = (value: string): string => encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%2F', '/');

function readTarget(service: AwsService, query: URLSearchParams): AwsTarget | UrlProblem {
  const target: { -readonly [key in keyof AwsTarget]: AwsTarget[key] } = {};
  for (const [name, value] of query) {
    if (!(PARAMETERS as readonly string[]).includes(name))
      return {
        problem: `found the parameter ${JSON.stringify(name.slice(0, 40))}`,
        hint: `Known are ${PARAMETERS.join(', ')}`,
      };
    if (query.getAll(name).length > 1) return { problem: `found ${name} twice`, hint: `Give ${name} once` };
    if (service !== 's3' && S3_ONLY.includes(name))
      return { problem: `found ${name}, which only S3 has`, hint: `Leave ${name} out of the ${service}:// address` };
    const problem = readParameter(target, name as (typeof PARAMETERS)[number], value);
    if (problem !== null) return problem;
  }
  return target;
}

function readParameter(
  target: { -readonly [key in keyof AwsTarget]: AwsTarget[key] },
  name: (typeof PARAMETERS)[number],
  value: string,
): UrlProblem | null {
  if (name === 'path-style') {
    if (value !== 'true' && value !== 'false')
      return { problem: `found path-style ${shown(value)}, expected true or false`, hint: 'Write path-style=true' };
    target.pathStyle = value === 'true';
    return null;
  }
  if (name === 'checksums') {
    if (!isChecksumMode(value))
      return {
        problem: `found checksums ${shown(value)}, expected ${CHECKSUM_MODES.join(' or ')}`,
        hint: 'Write checksums=when-required',
      };
    target.checksums = value;
    return null;
  }
  const problem = checkAwsValue(name, value);
  if (problem === null) target[name] = name === 'endpoint' ? value.replace(/\/+$/, '') : value;
  return problem;
}

const isChecksumMode = (value: string): value is ChecksumMode => (CHECKSUM_MODES as readonly string[]).includes(value);

/** What is wrong with a region, endpoint, profile or role; null when nothing is. */
export function checkAwsValue(name: 'region' | 'endpoint' | 'profile' | 'role', value: string): UrlProblem | null {
  if (name === 'region')
    return /^[a-z0-9][a-z0-9-]{0,62}$/.test(value)
      ? null
      : {
          problem: `found the region ${shown(value)}, expected lower-case letters, digits and dashes`,
          hint: 'Write it like eu-central-1',
        };
  if (name === 'endpoint') return checkEndpoint(value);
  if (name === 'profile')
    return /^[\w.@+/: -]{1,128}$/.test(value)
      ? null
      : {
          problem: `found the profile ${shown(value)}, expected the name of a profile`,
          hint: 'See ~/.aws/config for the names',
        };
  return /^arn:[\w-]+:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/.test(value)
    ? null
    : {
        problem: `found the role ${shown(value)}, expected its ARN`,
        hint: 'Write it like arn:aws:iam::123456789012:role/slurmctl',
      };
}

function checkEndpoint(value: string): UrlProblem | null {
  const hint = 'Write it like https://rgw.example.org:7480';
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    return { problem: 'found an endpoint that is no URL, expected http:// or https:// and a host', hint };
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return { problem: `found the endpoint scheme ${shown(url.protocol)}, expected http:// or https://`, hint };
  if (url.username !== '' || url.password !== '')
    return {
      problem: 'found a user name or password in the endpoint',
      hint: "Leave credentials to the SDK's usual chain",
    };
  if (url.search !== '' || url.hash !== '') return { problem: 'found a query or fragment in the endpoint', hint };
  return null;
}

function readBucket(bucket: string, path: string, aws: AwsTarget): BackendUrl | UrlProblem {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes('..'))
    return {
      problem: `found the bucket name ${shown(bucket)}, expected 3 to 63 lower-case letters, digits, dots and dashes`,
      hint: 'Write s3://bucket/prefix with a name that S3 allows',
    };
  const prefix = path.replace(/^\//, '').replace(/\/$/, '');
  const bad = prefix.split('/').some((part) => part === '.' || part === '..' || (part === '' && prefix !== ''));
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (bad || /[\u0000-\u001f\u007f\\]/.test(prefix) || prefix.length > 512)
    return {
      problem: `found the prefix ${shown(prefix)}, expected names separated by single slashes`,
      hint: 'Leave out "//", "." and ".." parts, backslashes and control characters',
    };
  return { service: 's3', bucket, prefix: prefix === '' ? '' : `${prefix}/`, aws };
}

function readNamed(
  service: 'dynamodb' | 'sqs',
  { host, path, aws }: { host: string; path: string; aws: AwsTarget },
): BackendUrl | UrlProblem {
  const what = service === 'dynamodb' ? 'table' : 'queue';
  if (path !== '' && path !== '/')
    return { problem: `found a path behind the ${what}`, hint: `Write ${service}://${what}` };
  if (service === 'dynamodb') {
    if (/^[\w.-]{3,255}$/.test(host)) return { service, table: host, aws };
    return {
      problem: `found the table name ${shown(host)}, expected 3 to 255 letters, digits, ".", "_" and "-"`,
      hint: 'Write dynamodb://table with a name that DynamoDB allows',
    };
  }
  if (host.endsWith('.fifo'))
    return {
      problem: `found the FIFO queue ${shown(host)}, expected a standard queue`,
      hint: 'FIFO queues hold messages back behind each other; create a standard one with: slurmctl init --aws',
    };
  // The dead letters go to `<queue>-dead`, and SQS allows 80 characters.
  if (/^[\w-]{1,75}$/.test(host)) return { service, queue: host, aws };
  return {
    problem: `found the queue name ${shown(host)}, expected 1 to 75 letters, digits, "_" and "-"`,
    hint: 'Write sqs://queue with a name that SQS allows',
  };
}

const shown = (value: string): string => JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);

/** Where a target's service is, in words: its endpoint, or AWS and the region. */
export const serverOf = ({ endpoint, region }: AwsTarget): string =>
  endpoint ?? (region === undefined ? 'AWS' : `AWS ${region}`);
