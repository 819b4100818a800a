import type { CancelDocument, EventDocument, PauseDocument, ResumeDocument } from '../../app/decision-documents.ts';
import { renderAdvance } from './advance.ts';
import { paintOf } from './status.ts';
import { count, minute, number, printable } from './text.ts';
import type { View } from './view.ts';

/** `paused: the file server moves (ada@login1, 2026-11-21 12:04 UTC)`. */
export const eventSentence = ({ text, by, at }: EventDocument): string =>
  `${printable(text)} (${printable(by)}, ${minute(at)} UTC)`;

/** Where the job stands, who paused it, and what is still running. */
export function renderPause(document: PauseDocument, { style }: View): string {
  const { jobId, state, changed, event } = document;
  const head = `${style.bold(jobId)} ${paintOf(state, style)(state)}`;
  if (state !== 'PAUSED') return `${head}: somebody resumed or cancelled it in the same moment\n`;
  const already = changed ? '' : 'it was paused already; ';
  const said = event === null ? '' : `  ${already}${eventSentence(event)}\n`;
  return `${head}\n${said}  ${stillRunning(document)}\n`;
}

function stillRunning({ runningElements, heldElements, draining }: PauseDocument): string {
  const held = `${count(heldElements, 'waiting element')} ${heldElements === 1 ? 'is' : 'are'} held`;
  if (runningElements === 0) return `nothing is running; ${held}`;
  const [verb, each] = runningElements === 1 ? ['is', 'it'] : ['are', 'each'];
  const how = draining ? `${each} saves its work and stops as soon as it has` : `${each} stops after its task`;
  return `${count(runningElements, 'element')} ${verb} still running: ${how}; ${held}`;
}

/** What a resume did, and what it set going. */
export function renderResume(document: ResumeDocument, view: View): string {
  const { changed, drivenBy } = document;
  const notes = [
    ...(changed ? [] : ['  it was not paused\n']),
    ...(drivenBy === null ? [] : [`  another process goes on with it: ${printable(drivenBy)}\n`]),
  ];
  return `${renderAdvance(document, view)}${notes.join('')}`;
}

/** What was cancelled, and what is still ending. */
export function renderCancel(document: CancelDocument): string {
  const { jobId, state, reason, cancelledSubmissions, tasksCancelled, tasksRunning } = document;
  const why = reason === null ? '' : `  ${printable(reason)}\n`;
  const [verb, its] = tasksRunning === 1 ? ['was', 'its element has'] : ['were', 'their elements have'];
  const ending =
    tasksRunning === 0 ? '' : `  ${number(tasksRunning)} of them ${verb} running: ${its} been told to end\n`;
  return `${jobId} ${state}: ${count(cancelledSubmissions, 'array job')} and ${count(tasksCancelled, 'task')} cancelled\n${why}${ending}`;
}
