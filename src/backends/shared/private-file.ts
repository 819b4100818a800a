/** Files that processes of one user share and that nobody else may have written. Their directory is private already. */
import { open } from 'node:fs/promises';

/** @throws EEXIST and whatever else the file system says */
export async function createPrivate(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

/** Null for what is missing, somebody else's, no file, or longer than what is written there. */
export async function readOwn(
  path: string,
  { uid, mostBytes }: { readonly uid: number; readonly mostBytes: number },
): Promise<string | null> {
  let file;
  try {
    file = await open(path, 'r');
  } catch {
    return null;
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.uid !== uid || stats.size > mostBytes) return null;
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
