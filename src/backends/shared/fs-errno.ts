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
