import { describe, expect, it } from 'vitest';
import type { AIState } from '../core/signal';
import { shownState, stateSentence } from './aistate';
import { en } from './en';
import { fr } from './fr';
import { speakerName } from './speaker';

function ai(policy: Partial<AIState['policy']>, status: Partial<AIState['status']> = {}): AIState {
  return {
    policy: { level: 'captions', ceiling: 'minutes', by_name: '', at_ms: 0, keep_audio: false, langs: [], ...policy },
    status: { state: 'live', reason: '', lag_ms: 0, engine: '', load: 0, ...status },
  };
}

describe('the state of the captions', () => {
  it.each([
    [undefined, 'AI off'],
    [ai({ level: 'off' }), 'AI off'],
    [ai({ level: 'off', ceiling: 'off' }), 'AI off: an administrator does not allow it'],
    [ai({}, { state: 'off' }), 'Captions are starting…'],
    [ai({}, { state: 'starting' }), 'Captions are starting…'],
    [ai({}), 'Captions live'],
    [ai({ level: 'transcript' }), 'Captions live · stored'],
    [ai({}, { state: 'catching_up', lag_ms: 3_000 }), 'Captions 3 s behind'],
    [ai({}, { state: 'catching_up', lag_ms: 200 }), 'Captions 1 s behind'],
    [ai({}, { state: 'catching_up', lag_ms: 12_000, load: 3 }), 'Captions 12 s behind: the server is overloaded'],
    [ai({}, { state: 'paused', reason: 'bus' }), 'Captions paused: Kafka does not answer'],
    [ai({}, { state: 'paused', reason: 'news' }), 'Captions paused: the server reported a problem'],
  ])('is told honestly', (state, sentence) => {
    expect(stateSentence(en, state)).toBe(sentence);
    expect(stateSentence(fr, state)).not.toBe('');
  });

  it('is off as soon as the level is', () => {
    expect(shownState(ai({ level: 'off' }, { state: 'live' }))).toBe('off');
  });
});

it('names speakers, voices and captioners', () => {
  expect(speakerName(en, 'Ada', 'p1')).toBe('Ada');
  expect(speakerName(en, 'Ada', 'p1/voice-2')).toBe('Ada · Voice 2');
  expect(speakerName(en, 'Ada', 'p1/captioner')).toBe('Captioner: Ada');
  expect(speakerName(fr, '', 'p1/captioner')).toBe('Sous-titreur\u202f: Quelqu’un');
});
