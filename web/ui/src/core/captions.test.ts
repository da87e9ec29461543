import { describe, expect, it } from 'vitest';
import {
  CaptionStore,
  isTyped,
  lifetimeMs,
  mostFinals,
  mostShown,
  participantOf,
  supersedes,
  voiceOf,
} from './captions';
import type { Caption } from './signal';

function caption(change: Partial<Caption> = {}): Caption {
  const c = { seg: 's1', rev: 1, spk: 'p1', t0: 0, t1: 1000, lang: 'en', text: 'hello', stable: 0, final: false };
  return { ...c, ...change };
}
const texts = (store: CaptionStore) => store.shown.get().map((s) => s.caption.text);
const listed = (store: CaptionStore) => store.finals.get().map((c) => c.text);

describe('supersedes', () => {
  it.each([
    ['a higher revision', { rev: 2 }, {}, true],
    ['an equal revision', {}, {}, false],
    ['a lower revision', {}, { rev: 2 }, false],
    ['a final after any partial', { final: true, rev: 1 }, { rev: 900 }, true],
    ['a partial after the final', { rev: 9000 }, { final: true, rev: 1000 }, false],
    ['a rescored final', { final: true, rev: 1001 }, { final: true, rev: 1000 }, true],
  ])('%s', (_, next, old, wins) => {
    expect(supersedes(caption(next), caption(old))).toBe(wins);
  });
});

describe('the screen', () => {
  it('refines a caption in place and keeps the order', () => {
    const store = new CaptionStore();
    store.receive(caption({ seg: 'a', text: 'one' }), 0);
    store.receive(caption({ seg: 'b', text: 'two' }), 10);
    store.receive(caption({ seg: 'a', rev: 2, text: 'one more' }), 20);
    expect(texts(store)).toEqual(['one more', 'two']);
  });

  it('ignores what comes late and out of order', () => {
    const store = new CaptionStore();
    store.receive(caption({ rev: 5, text: 'newer' }), 0);
    store.receive(caption({ rev: 4, text: 'older' }), 10);
    expect(texts(store)).toEqual(['newer']);
    expect(store.shown.get()[0]?.changedMs).toBe(0);
  });

  it('keeps a caption for 4 s, a long one for as long as reading takes', () => {
    expect(lifetimeMs('short')).toBe(4_000);
    expect(lifetimeMs('x'.repeat(100))).toBe(6_000);
    expect(lifetimeMs('🌻'.repeat(100))).toBe(6_000);
    const store = new CaptionStore();
    store.receive(caption(), 0);
    expect(store.expire(3_999)).toBe(4_000);
    expect(store.expire(4_000)).toBeUndefined();
    expect(texts(store)).toEqual([]);
  });

  it('does not bring back what has left, when its final is corrected', () => {
    const store = new CaptionStore();
    store.receive(caption({ final: true, rev: 1000 }), 0);
    store.expire(60_000);
    store.receive(caption({ final: true, rev: 1001, text: 'hello you' }), 60_001);
    expect(texts(store)).toEqual([]);
    expect(listed(store)).toEqual(['hello you']);
  });

  it('does not show a partial after its final has left', () => {
    const store = new CaptionStore();
    store.receive(caption({ final: true, rev: 1000 }), 0);
    store.expire(60_000);
    store.receive(caption({ rev: 40 }), 60_001);
    expect(texts(store)).toEqual([]);
  });

  it('does not show what was said before the reader came', () => {
    const store = new CaptionStore();
    store.receive(caption({ final: true, rev: 1000 }), 0, 'history');
    expect(texts(store)).toEqual([]);
    expect(listed(store)).toEqual(['hello']);
  });

  it('finishes a caption that is on screen, even among the history', () => {
    const store = new CaptionStore();
    store.receive(caption(), 0);
    store.receive(caption({ final: true, rev: 1000, text: 'hello.' }), 10, 'history');
    expect(texts(store)).toEqual(['hello.']);
  });

  it('takes a caption away whose final is empty', () => {
    const store = new CaptionStore();
    store.receive(caption(), 0);
    store.receive(caption({ final: true, rev: 1000, text: ' ' }), 10);
    expect(texts(store)).toEqual([]);
    expect(listed(store)).toEqual([]);
  });

  it('is empty at once when the AI is switched off, and the list stays', () => {
    const store = new CaptionStore();
    store.receive(caption({ seg: 'a', final: true, rev: 1000 }), 0);
    store.receive(caption({ seg: 'b' }), 0);
    store.silence();
    expect(texts(store)).toEqual([]);
    expect(listed(store)).toEqual(['hello']);
  });

  it('keeps what waits to be shown until it was', () => {
    const store = new CaptionStore();
    store.receive(caption({ seg: 'a' }), 0);
    store.receive(caption({ seg: 'b' }), 0);
    store.hold(new Set(['b', 'unknown']), 3_000);
    expect(store.expire(4_000)).toBe(7_000);
    expect(store.shown.get().map((s) => s.caption.seg)).toEqual(['b']);
    const before = store.shown.get();
    store.hold(new Set(['b']), 3_100); // held a moment ago: nothing changes, so nothing is drawn again
    expect(store.shown.get()).toBe(before);
  });

  it('is bounded: what changed longest ago leaves first', () => {
    const store = new CaptionStore();
    for (let i = 0; i <= mostShown; i++) store.receive(caption({ seg: `s${i}`, text: `${i}` }), i);
    expect(texts(store)).toHaveLength(mostShown);
    expect(texts(store)).not.toContain('0');
  });
});

describe('the list of finals', () => {
  it('is in the order of speech, whatever the order of arrival', () => {
    const store = new CaptionStore();
    for (const [seg, t0] of [
      ['b', 200],
      ['a', 100],
      ['d', 200],
      ['c', 150],
    ] as const) {
      store.receive(caption({ seg, t0, text: seg, final: true, rev: 1000 }), 0);
    }
    expect(listed(store)).toEqual(['a', 'c', 'b', 'd']);
  });

  it('holds each segment once, in its newest version', () => {
    const store = new CaptionStore();
    store.receive(caption({ final: true, rev: 1000, text: 'fast' }), 0);
    store.receive(caption({ final: true, rev: 1001, text: 'full' }), 10);
    store.receive(caption({ final: true, rev: 1000, text: 'fast' }), 20);
    expect(listed(store)).toEqual(['full']);
  });

  it('is bounded: the oldest leave first', () => {
    const store = new CaptionStore();
    for (let i = 0; i < mostFinals + 2; i++) {
      store.receive(caption({ seg: `s${i}`, t0: i, text: `${i}`, final: true, rev: 1000 }), i, 'history');
    }
    expect(listed(store)).toHaveLength(mostFinals);
    expect(listed(store)[0]).toBe('2');
  });

  it('is forgotten when another meeting begins', () => {
    const store = new CaptionStore();
    store.receive(caption({ final: true, rev: 1000 }), 0);
    store.clear();
    store.receive(caption({ rev: 1 }), 1);
    expect(listed(store)).toEqual([]);
    expect(texts(store)).toEqual(['hello']);
  });
});

it('knows whose microphone a voice used', () => {
  expect(participantOf('p1')).toBe('p1');
  expect(participantOf('p1/voice-2')).toBe('p1');
});

describe('what is read back', () => {
  it('comes in the order of speech, once, and puts nothing on screen', () => {
    const store = new CaptionStore();
    store.receive(caption({ seg: 'c', t0: 300, text: 'c', final: true, rev: 1000 }), 0);
    store.expire(60_000);
    store.recall([
      caption({ seg: 'a', t0: 100, text: 'a', final: true, rev: 1000 }),
      caption({ seg: 'b', t0: 200, text: ' ', final: true, rev: 1000 }),
      caption({ seg: 'c', t0: 300, text: 'older c', final: true, rev: 1000 }),
      caption({ seg: 'd', t0: 400, text: 'no final', rev: 3 }),
    ]);
    store.recall([caption({ seg: 'a', t0: 100, text: 'a', final: true, rev: 1000 })]);
    expect(listed(store)).toEqual(['a', 'c']);
    expect(texts(store)).toEqual([]);
  });

  it('stays within bounds: the oldest leave first', () => {
    const store = new CaptionStore();
    const page = Array.from({ length: mostFinals + 3 }, (_, i) =>
      caption({ seg: `s${i}`, t0: i, text: `${i}`, final: true, rev: 1000 }),
    );
    store.recall(page);
    expect(listed(store)).toHaveLength(mostFinals);
    expect(listed(store)[0]).toBe('3');
  });
});

it('tells voices and captioners apart', () => {
  expect(['p1', 'p1/voice-2', 'p1/captioner'].map(voiceOf)).toEqual(['', '2', '']);
  expect(['p1', 'p1/voice-2', 'p1/captioner'].map(isTyped)).toEqual([false, false, true]);
});
