// How a speaker is named in captions and in the transcript so far.

import { isTyped, voiceOf } from '../core/captions';
import type { Catalogue } from './index';

/** name is that of the participant, '' if it is not known. */
export function speakerName(t: Catalogue, name: string, spk: string): string {
  const who = name || t.captions.unknownSpeaker;
  if (isTyped(spk)) return t.look.captioner(who);
  const voice = voiceOf(spk);
  return voice === '' ? who : t.look.voice(who, voice);
}
