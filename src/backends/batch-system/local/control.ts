import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from '../../shared/fs-errno.ts';
import { readIfThere, writeAndRename } from './files.ts';
import type { HostLayout } from './layout.ts';

/** What a client asks of the supervisor: one small file each, applied in the order of the names. */
export type ControlRequest = { readonly number: number } & (
  | { readonly op: 'cancel'; readonly indices?: readonly number[] }
  | { readonly op: 'hold' | 'release' | 'drain' }
  /** 0: no throttle. */
  | { readonly op: 'throttle'; readonly most: number }
  | { readonly op: 'requeue'; readonly index: number }
);

/** Puts a request where the supervisor looks; returns the path, which disappears once it is in the journal. */
export function dropControl(layout: HostLayout, request: ControlRequest, ulid: string): string {
  const staged = join(layout.staging, `${ulid}.json`);
  const path = join(layout.control, `${ulid}.json`);
  writeAndRename(staged, path, JSON.stringify(request));
  return path;
}

/** Waiting requests, oldest first. An unreadable one is removed: only a hand can have put it there. */
export function readControls(layout: HostLayout): { readonly path: string; readonly request: ControlRequest }[] {
  const found: { path: string; request: ControlRequest }[] = [];
  for (const name of controlNames(layout)) {
    const path = join(layout.control, name);
    const text = readIfThere(path);
    const request = text === null ? null : parseControl(text);
    if (request === null) rmSync(path, { force: true });
    else found.push({ path, request });
  }
  return found;
}

function controlNames(layout: HostLayout): string[] {
  try {
    return readdirSync(layout.control)
      .filter((name) => name.endsWith('.json'))
      .toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

const OPS: readonly unknown[] = ['cancel', 'hold', 'release', 'drain', 'throttle', 'requeue'];

function parseControl(text: string): ControlRequest | null {
  try {
    const value = JSON.parse(text) as Partial<ControlRequest> | null;
    return typeof value?.number === 'number' && OPS.includes(value.op) ? (value as ControlRequest) : null;
  } catch {
    return null;
  }
}
