import { createHash } from 'node:crypto';
import { join } from 'node:path';

/**
 * Files of the local scheduler below its root, one directory a host:
 *
 *     <host>/instance                 token in the ids of this directory's submissions
 *     <host>/staging/<token>/         a submission being written
 *     <host>/jobs/<n>/request.json    the submission; renamed into place, never changed
 *     <host>/jobs/<n>/script.sh, environment.json, events.jsonl   while it is live
 *     <host>/jobs/<n>/ended.json      its final states, in place of the three above
 *     <host>/control/<ulid>.json      requests to the supervisor, deleted once they are in the journal
 *     <host>/lock/<generation>        who supervises; the highest generation counts
 *     <host>/supervisor.log
 */
export interface HostLayout {
  readonly hostname: string;
  readonly dir: string;
  readonly instance: string;
  readonly staging: string;
  readonly jobs: string;
  readonly control: string;
  readonly lock: string;
  readonly log: string;
}

export interface JobFiles {
  readonly dir: string;
  readonly request: string;
  readonly script: string;
  readonly environment: string;
  readonly events: string;
  readonly ended: string;
}

const SAFE_HOSTNAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,200}$/;

/** The directory name that stands for a host: its name, or a hash of a name that is no safe path segment. */
export const hostSegment = (hostname: string): string =>
  SAFE_HOSTNAME.test(hostname) ? hostname : `host-${createHash('sha256').update(hostname).digest('hex').slice(0, 16)}`;

export const isHostSegment = (text: string): boolean => SAFE_HOSTNAME.test(text);

/** @param segment a directory name for which `isHostSegment` holds */
export function hostLayout(root: string, segment: string): HostLayout {
  const dir = join(root, segment);
  return {
    hostname: segment,
    dir,
    instance: join(dir, 'instance'),
    staging: join(dir, 'staging'),
    jobs: join(dir, 'jobs'),
    control: join(dir, 'control'),
    lock: join(dir, 'lock'),
    log: join(dir, 'supervisor.log'),
  };
}

export function jobFiles(layout: HostLayout, number: number): JobFiles {
  const dir = join(layout.jobs, String(number));
  return {
    dir,
    request: join(dir, 'request.json'),
    script: join(dir, 'script.sh'),
    environment: join(dir, 'environment.json'),
    events: join(dir, 'events.jsonl'),
    ended: join(dir, 'ended.json'),
  };
}

const ID = /^local-([0-9a-z]{5})-([1-9]\d{0,8})$/;

/**
 * `local-<token>-<n>`. The token belongs to one directory of one host, so that ids (and the attempts and log files
 * named after them) never collide when several hosts, or a directory made anew, serve the same job.
 */
export const submissionId = (token: string, number: number): string => `local-${token}-${number}`;

export const idPrefix = (token: string): string => `local-${token}-`;

export function parseSubmissionId(id: string): { readonly token: string; readonly number: number } | null {
  const match = ID.exec(id);
  return match === null ? null : { token: match[1] as string, number: Number(match[2]) };
}
