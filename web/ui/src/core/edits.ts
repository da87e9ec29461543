// Changes of a transcript by organizers. The server lets one of two editors of the same version win. Whoever lost learns it
// here: if the other changed something else, the change is made again; if not, both stand before the person who typed.

import { ApiError, type Api } from './api';
import type { Edited, Segment, Transcript, TranscriptEdit } from './transcripts';
import { isTyped, participantOf, voiceOf } from './captions';

/** One change: the text of a segment, its speaker, or the name of a speaker; null goes back to what was recognised. */
export type Change =
  | { readonly seg: string; readonly text: string | null }
  | { readonly seg: string; readonly speaker: string | null }
  | { readonly spk: string; readonly name: string | null };

/** Somebody else changed the same meanwhile; now is the transcript with what they wrote. */
export class EditConflict extends Error {
  constructor(readonly now: Transcript) {
    super('the same was changed meanwhile');
  }
}

/** How often a change is made again because others changed something else. */
const mostTries = 5;

/** Makes a change to the transcript as seen, and returns it as it is then. */
export async function make(
  api: Pick<Api, 'transcript' | 'editTranscript'>,
  meeting: string,
  seen: Transcript,
  change: Change,
  reason = '',
): Promise<Transcript> {
  let now = seen;
  for (let tries = 1; ; tries++) {
    try {
      return withEdit(now, await api.editTranscript(meeting, now.etag, editOf(change), reason));
    } catch (e) {
      if (!(e instanceof ApiError) || e.code !== 'edited-meanwhile' || tries === mostTries) throw e;
    }
    now = await api.transcript(meeting, reason);
    if (valueOf(now, change) !== valueOf(seen, change)) throw new EditConflict(now);
  }
}

function editOf(change: Change): TranscriptEdit {
  if ('speaker' in change) return { speakers: [{ seg: change.seg, spk: change.speaker }] };
  return 'seg' in change ? { segments: [change] } : { names: [change] };
}

/** What stands now where the change would go. */
export function valueOf(t: Transcript, change: Change): string | undefined {
  if ('speaker' in change) return t.segments.find((s) => s.seg === change.seg)?.spk;
  if ('seg' in change) return t.segments.find((s) => s.seg === change.seg)?.text;
  return nameOf(t, change.spk);
}

/** The change that brings back what stands in t where a change would go. */
export function undoOf(t: Transcript, change: Change): Change {
  if ('speaker' in change) {
    const before = t.segments.find((s) => s.seg === change.seg);
    return { seg: change.seg, speaker: before?.assigned === undefined ? null : before.spk };
  }
  if ('seg' in change) {
    const before = t.segments.find((s) => s.seg === change.seg);
    return { seg: change.seg, text: before?.original === undefined ? null : before.text };
  }
  return { spk: change.spk, name: t.names.find((n) => n.spk === change.spk)?.name ?? null };
}

function withEdit(t: Transcript, e: Edited): Transcript {
  const changed = new Map<string, Segment>(e.segments.map((s) => [s.seg, s]));
  return { ...t, etag: e.etag, names: e.names, segments: t.segments.map((s) => changed.get(s.seg) ?? s) };
}

/** The name to show for a speaker: given afterwards, or with which they joined; '' if there is none. */
export function nameOf(t: Transcript, spk: string, voice = (name: string, n: string) => `${name} (${n})`): string {
  const given = (of: string) => t.names.find((n) => n.spk === of)?.name;
  const own = given(spk);
  if (own !== undefined) return own;
  const participant = participantOf(spk);
  const name = given(participant) ?? t.people.find((p) => p.participant === participant)?.name ?? '';
  return spk === participant || name === ''
    ? name
    : voice(name, spk.slice(participant.length + 1).replace('voice-', ''));
}

/** Whether somebody gave this speaker another name. */
export function isRenamed(t: Transcript, spk: string): boolean {
  return t.names.some((n) => n.spk === spk);
}

/** The voices to whom a segment can be given: those at its microphone, and one more; none where one person speaks. */
export function voicesFor(t: Transcript, s: Segment): string[] {
  const participant = participantOf(s.spk);
  const numbers = t.segments
    .flatMap((g) => [g.spk, g.assigned?.spk ?? ''])
    .filter((spk) => participantOf(spk) === participant)
    .map((spk) => Number(voiceOf(spk)))
    .filter((n) => Number.isInteger(n) && n > 0);
  if (numbers.length === 0 || isTyped(s.spk)) return [];
  const heard = t.segments.filter((g) => participantOf(g.spk) === participant).map((g) => g.assigned?.spk ?? g.spk);
  const more = Math.max(0, ...heard.map((spk) => Number(voiceOf(spk)) || 0)) + 1;
  return [...new Set([...numbers, more])].sort((a, b) => a - b).map((n) => `${participant}/voice-${n}`);
}

/** Those who can be named: everybody who came, then voices on shared microphones in the order in which they spoke. */
export function speakersOf(t: Transcript): string[] {
  const voices = t.segments.map((s) => s.spk).filter((spk) => spk !== participantOf(spk));
  return [...new Set([...t.people.map((p) => p.participant), ...voices])];
}
