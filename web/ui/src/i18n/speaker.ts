// How a speaker is named in captions and in the transcript so far.

import { isTyped, voiceOf } from '../core/captions';
import type { VoiceInfo } from '../core/signal';
import { givenName, knownAs } from '../core/voices';
import type { Catalogue } from './index';

const nothing: ReadonlyMap<string, VoiceInfo> = new Map();

/** name is that of the participant, '' if it is not known; known is what is known of voices. */
export function speakerName(t: Catalogue, name: string, spk: string, known = nothing): string {
  const who = name || t.captions.unknownSpeaker;
  if (isTyped(spk)) return t.look.captioner(who);
  const given = givenName(known, spk);
  if (given !== '') return given;
  const voice = voiceOf(knownAs(known, spk));
  return voice === '' ? who : t.look.voice(who, voice);
}
