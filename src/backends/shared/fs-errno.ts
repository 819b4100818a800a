import { messageOf } from '../../errors/app-error.ts';

/** The system's name of a failed call's error (`ENOENT` …); undefined for anything that is not a failed system call. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** True when the path, or a directory on the way to it, does not exist. */
export const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');

type FsTrouble = 'full' | 'denied' | 'other';

/** What kind of remedy a failed system call needs. */
export function troubleOf(error: unknown): FsTrouble {
  const errno = errnoOf(error) ?? '';
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return 'full';
  return ['EACCES', 'EPERM', 'EROFS'].includes(errno) ? 'denied' : 'other';
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the quota is used up',
  ENOSPC: 'no space or inodes left on the device',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};
const ATTEMPTS: Readonly<Record<string, string>> = {
  copyfile: 'cannot copy',
  mkdir: 'cannot make the directory',
  open: 'cannot open',
  opendir: 'cannot list',
  read: 'cannot read',
  rename: 'cannot rename',
  scandir: 'cannot list',
  unlink: 'cannot remove',
  write: 'cannot write',
};

/**
 * A failed system call as a person would say it: what was tried, with which path, and why not. `path` is what the caller was at; the
 * call may name a directory above it, which is then the one to look at.
 */
export function describeFailure(error: unknown, path: string): string {
  const errno = errnoOf(error) ?? '';
  const words = WORDS[errno];
  if (words === undefined) return `${path}: ${messageOf(error)}`;
  const { syscall = '', path: at = path } = error as { readonly syscall?: string; readonly path?: string };
  const attempt = ATTEMPTS[syscall];
  return attempt === undefined ? `${at}: ${words} (${errno})` : `${attempt} ${at}: ${words} (${errno})`;
}
