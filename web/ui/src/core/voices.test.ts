import { describe, expect, it } from 'vitest';
import { givenName, knownAs, orderOf, voicesHeard, VoiceStore } from './voices';

describe('voices at a shared microphone', () => {
  const store = new VoiceStore();
  store.replace([
    { participant: 'p1', voice: 1, name: 'Ada', same_as: 0 },
    { participant: 'p1', voice: 3, name: '', same_as: 1 },
  ]);
  const known = store.known.get();

  it('are known by the number and the name that hold now', () => {
    expect(['p1/voice-3', 'p1/voice-2', 'p1'].map((s) => knownAs(known, s))).toEqual([
      'p1/voice-1',
      'p1/voice-2',
      'p1',
    ]);
    expect(['p1/voice-3', 'p1/voice-1', 'p1/voice-2', 'p2/voice-1'].map((s) => givenName(known, s))).toEqual([
      'Ada',
      'Ada',
      '',
      '',
    ]);
  });

  it('have a colour each, and the first that of the microphone', () => {
    const colours = Array.from({ length: 8 }, (_, i) => orderOf(2, `p1/voice-${i + 1}`) % 8);
    expect(colours[0]).toBe(2);
    expect(new Set(colours).size).toBe(8);
    expect([orderOf(5, 'p1'), orderOf(5, 'p1/captioner')]).toEqual([5, 5]);
  });

  it('are listed once each', () => {
    const said = ['p1/voice-3', 'p1/voice-2', 'p1', 'p2/voice-4', 'p1/voice-2', 'p1/captioner'];
    expect(voicesHeard(known, said, 'p1')).toEqual([1, 2]);
  });
});
