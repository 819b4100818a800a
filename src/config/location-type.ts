import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { formatBackendUrl, parseBackendUrl, type AwsService } from '../domain/backend-url.ts';
import { JOB_STATES } from '../domain/states.ts';
import { CONTROL, text } from './plain-types.ts';
import { unexpected, type ReadContext, type ValueType } from './value-type.ts';

/** Settings that name a backend. */
export const PLACE_NAMES = ['store', 'state', 'queue'] as const;
export type PlaceName = (typeof PLACE_NAMES)[number];

interface PlaceWords {
  readonly service: AwsService;
  readonly address: string;
}

const PLACES: Readonly<Record<PlaceName, PlaceWords>> = {
  store: { service: 's3', address: 's3://bucket/prefix' },
  state: { service: 'dynamodb', address: 'dynamodb://table' },
  queue: { service: 'sqs', address: 'sqs://queue' },
};

/** An absolute directory, from a path; `~/` is the home directory of the user. */
export function directoryPath(userHome: string | undefined): ValueType<string> {
  const plain = text({ expected: 'the path of a directory' });
  return {
    ...plain,
    read(value, context) {
      const scheme = value.kind === 'scalar' ? schemeOf(value.source) : undefined;
      if (scheme !== undefined)
        return context.problem(`found ${articled(scheme)} address, expected the path of a directory`, {
          at: value,
          hint: scheme === 'file' ? 'Write the path alone' : (ownerHint(scheme) ?? 'Write a path, such as /scratch/me'),
        });
      const found = plain.read(value, context);
      return found === undefined ? undefined : absolute(found, { dir: value.dir, userHome });
    },
  };
}

/** Where a backend keeps its data, as a canonical URL; from a path, a `file://` URL or the address of the one service that this place can be. */
export function location(userHome: string | undefined, place: PlaceName): ValueType<string> {
  const expected = `a path, file:///absolute/path or ${PLACES[place].address}`;
  const plain = text({ expected });
  return {
    ...plain,
    read(value, context) {
      const address = value.kind === 'scalar' ? schemeOf(value.source) : undefined;
      // An address may hold a password, so from here on it is not repeated.
      if (address !== undefined && value.kind === 'scalar') {
        const problem = (message: string, hint?: string): undefined =>
          context.problem(message, { at: value, ...(hint === undefined ? {} : { hint }) });
        if (CONTROL.test(value.source))
          return problem(`found a control character in the address, expected ${expected}`);
        return readAddress(value.source, { scheme: address, place, problem });
      }
      const found = plain.read(value, context);
      if (found === undefined) return undefined;
      if (place === 'state' && isJobState(found))
        return context.problem(
          `found ${JSON.stringify(found)}, a state of jobs; this is where states are kept, expected ${expected}`,
          {
            at: value,
            hint: `slurmctl list --status ${found} lists jobs in that state; a directory of that name is ./${found}`,
          },
        );
      return pathToFileURL(absolute(found, { dir: value.dir, userHome })).href;
    },
  };
}

/** `list --state failed` is what many a person types for `--status`, and would look into an empty directory. */
const isJobState = (word: string): boolean =>
  JOB_STATES.some((state) => state === word.toUpperCase().replaceAll('-', '_'));

/** Known schemes also without their slashes: nobody means a directory called `s3:`. */
const schemeOf = (found: string): string | undefined =>
  /^\s*(?:([a-z][a-z0-9+.-]*):\/\/|(file|s3|dynamodb|sqs|arn):)/i
    .exec(found)
    ?.slice(1)
    .find((scheme) => scheme !== undefined)
    ?.toLowerCase();

interface Address {
  readonly scheme: string;
  readonly place: PlaceName;
  readonly problem: (message: string, hint?: string) => undefined;
}

function readAddress(found: string, { scheme, place, problem }: Address): string | undefined {
  const { service, address } = PLACES[place];
  const expected = `a path, file:///absolute/path or ${address}`;
  if (scheme === 'file') {
    return (
      canonicalFileUrl(found) ?? problem(`found a file:// address that is none, expected ${expected}`, THREE_SLASHES)
    );
  }
  if (scheme !== service) {
    const what = scheme === 'arn' ? 'an ARN' : `${articled(scheme)} address`;
    return problem(
      `found ${what}, expected ${expected}`,
      ownerHint(scheme) ?? `Write ${address}, and the region or endpoint under aws: in slurmctl.yaml`,
    );
  }
  const parsed = parseBackendUrl(`${scheme}${found.trim().slice(scheme.length)}`);
  // Without its slashes it would be said to be something else altogether.
  if (!/^\s*\w+:\/\//.test(found))
    return problem(`found ${scheme}: without "//", expected ${expected}`, `Write ${address}`);
  return 'problem' in parsed ? problem(parsed.problem, parsed.hint) : formatBackendUrl(parsed);
}

function ownerHint(scheme: string): string | undefined {
  const owner = PLACE_NAMES.find((name) => PLACES[name].service === scheme);
  return owner === undefined ? undefined : `${scheme}:// is for ${owner}`;
}

const THREE_SLASHES = 'Write three slashes: file:///scratch/me/jobs';
const articled = (scheme: string): string =>
  `${/^(s3|sqs|[aeio])/.test(scheme) ? 'an' : 'a'} ${scheme.slice(0, 20)}://`;

/** The directory of a path written in a setting. */
export function absolute(path: string, { dir, userHome }: { dir: string; userHome: string | undefined }): string {
  if (userHome !== undefined && (path === '~' || path.startsWith('~/'))) return join(userHome, path.slice(1));
  return resolve(dir, path);
}

function canonicalFileUrl(url: string): string | null {
  try {
    const parsed = new URL(url.trim());
    const path = fileURLToPath(parsed);
    return parsed.search === '' && parsed.hash === '' && isAbsolute(path) ? pathToFileURL(path).href : null;
  } catch {
    return null;
  }
}

/** A switch that may also name a directory: `true`, `false`, or the absolute path. */
export function switchOrDirectory(userHome: string | undefined): ValueType<string> {
  const expected = 'true, false or the path of a directory';
  const plain = text({ expected });
  return {
    expected,
    schema: { type: ['boolean', 'string'] },
    read(value, context: ReadContext) {
      if (value.kind === 'scalar' && (value.source === 'true' || value.source === 'false')) return value.source;
      if (value.kind === 'scalar' && schemeOf(value.source) !== undefined)
        return context.problem(`found an address, expected ${expected}`, { at: value });
      if (value.kind !== 'scalar' || typeof value.value !== 'string') return unexpected(value, expected, { context });
      const found = plain.read(value, context);
      return found === undefined ? undefined : absolute(found, { dir: value.dir, userHome });
    },
  };
}
