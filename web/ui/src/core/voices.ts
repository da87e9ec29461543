// Voices at shared microphones: who they are, and their colours. Captions keep the number with which they came; here stands
// what that number means now.

import { Cell } from './cell';
import { participantOf, voiceOf } from './captions';
import type { VoiceInfo } from './signal';

export class VoiceStore {
  /** By speaker ("participant/voice-n"). */
  readonly known = new Cell<ReadonlyMap<string, VoiceInfo>>(new Map());

  replace(all: readonly VoiceInfo[]): void {
    this.known.set(new Map(all.map((v) => [voiceId(v.participant, v.voice), v])));
  }
}

export function voiceId(participant: string, voice: number): string {
  return `${participant}/voice-${voice}`;
}

/** The speaker as whom a voice is known now: two numbers may have turned out to be one person. */
export function knownAs(known: ReadonlyMap<string, VoiceInfo>, spk: string): string {
  const info = known.get(spk);
  return info && info.same_as > 0 ? voiceId(info.participant, info.same_as) : spk;
}

/** The name that an organizer gave to a voice; '' if nobody did. */
export function givenName(known: ReadonlyMap<string, VoiceInfo>, spk: string): string {
  return known.get(knownAs(known, spk))?.name ?? '';
}

/** Voices take every third colour after that of their microphone: of eight, all come, and the next people's come late. */
const colourStep = 3;

/** What stands for the join order of a speaker when a colour is chosen: a voice has its own. */
export function orderOf(order: number, spk: string): number {
  const voice = Number(voiceOf(spk));
  return Number.isInteger(voice) && voice > 0 ? order + colourStep * (voice - 1) : order;
}

/** The voices that were heard at a microphone, of speakers as they come, by number. */
export function voicesHeard(
  known: ReadonlyMap<string, VoiceInfo>,
  speakers: Iterable<string>,
  participant: string,
): number[] {
  const heard = new Set<number>();
  for (const spk of speakers) {
    if (participantOf(spk) !== participant) continue;
    const voice = Number(voiceOf(knownAs(known, spk)));
    if (Number.isInteger(voice) && voice > 0) heard.add(voice);
  }
  return [...heard].sort((a, b) => a - b);
}
