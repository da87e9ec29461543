// @vitest-environment happy-dom
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeetingSession } from '../../core/session';
import type { Caption, Peer } from '../../core/signal';
import { settings } from '../../app';
import { movingCaptions } from './captionmove';
import Captions from './Captions.svelte';

const peer: Peer = {
  participant: 'p1',
  name: 'Zoé <b>',
  role: 'participant',
  order: 3,
  sources: ['mic'],
  opt_out: false,
  captioner: false,
  present: true,
};

function caption(change: Partial<Caption> = {}): Caption {
  const c = { seg: 's1', rev: 12, spk: 'p1/voice-2', t0: 0, t1: 9, lang: 'fr', text: '', stable: 0, final: false };
  return { ...c, text: 'Bonjour à tous', ...change };
}

describe('the caption overlay', () => {
  let session: MeetingSession;
  let overlay: ReturnType<typeof mount>;

  beforeEach(() => {
    session = new MeetingSession({
      socketUrl: 'ws://test',
      token: '',
      rejoin: () => Promise.reject(new Error('not in this test')),
      device: () => '',
      notice: () => undefined,
    });
    overlay = mount(Captions, { target: document.body, props: { session } });
    session.roster.replace([peer]);
  });
  afterEach(() => unmount(overlay));

  function receive(c: Caption): HTMLElement[] {
    session.captions.receive(c, 0);
    flushSync();
    return [...document.querySelectorAll<HTMLElement>('[data-testid="captions"] [data-seg]')];
  }

  it('carries what a reader of the page needs to know', () => {
    const [p] = receive(caption({ stable: 7 }));
    expect(p?.dataset).toMatchObject({
      seg: 's1',
      rev: '12',
      final: 'false',
      speaker: 'p1',
      speakerName: 'Zoé <b> · Voice 2',
    });
    expect(p?.lang).toBe('fr');
    expect(p?.textContent?.trim()).toBe('Bonjour à tous');
    expect(p?.querySelector('.tail')?.textContent).toBe(' à tous');
    expect(document.querySelector('.name')?.textContent).toBe('Zoé <b> · Voice 2');
  });

  it('refines the same element in place until it is final', () => {
    const [before] = receive(caption());
    const [after, ...others] = receive(caption({ rev: 1000, final: true, text: 'Bonjour à toutes et à tous.' }));
    expect(others).toEqual([]);
    expect(after).toBe(before);
    expect(after?.dataset['final']).toBe('true');
    expect(after?.querySelector('.tail')).toBeNull();
  });

  it('is no live region', () => {
    receive(caption());
    expect(document.querySelector('[aria-live], [role="log"], [role="status"], [role="alert"]')).toBeNull();
  });

  it('says who typed a caption that nobody spoke', () => {
    const [p] = receive(caption({ spk: 'p1/captioner' }));
    expect(p?.dataset).toMatchObject({ speaker: 'p1', speakerName: 'Captioner: Zoé <b>' });
  });

  it('shows the first lines of a long caption until it moves on, and holds all of it', () => {
    const text = Array.from({ length: 12 }, (_, i) => `sentence number ${i} of many`).join(' ');
    const [p] = receive(caption({ text, final: true }));
    expect(p?.textContent?.replace(/\s+/g, ' ').trim()).toBe(text);
    receive(caption({ seg: 's2', t0: 100, text: 'and another one' }));
    expect(document.querySelector('[data-seg="s2"] .line')?.classList.contains('later')).toBe(true);
  });

  it('says honestly how captions do, and nothing while they are live', () => {
    const policy = {
      level: 'captions',
      ceiling: 'minutes',
      by_name: '',
      at_ms: 0,
      keep_audio: false,
      langs: [],
    } as const;
    const status = { state: 'catching_up', reason: '', lag_ms: 3_000, engine: '', load: 0 } as const;
    session.ai.set({ policy, status });
    flushSync();
    const state = () => document.querySelector('[data-testid="caption-state"]')?.textContent;
    expect(state()).toBe('Captions 3 s behind');
    session.ai.set({ policy, status: { ...status, state: 'live' } });
    flushSync();
    expect(state()).toBeUndefined();
    session.ai.set({ policy: { ...policy, level: 'off' }, status: { ...status, state: 'off' } });
    flushSync();
    expect(state()).toBeUndefined(); // the head of the page says that
  });

  it('lets clicks pass, but while it is moved', () => {
    receive(caption());
    const overlay = document.querySelector<HTMLElement>('[data-testid="captions"]');
    expect(overlay?.classList.contains('moving')).toBe(false);
    movingCaptions.set(true);
    flushSync();
    expect(overlay?.classList.contains('moving')).toBe(true);
    const press = (key: string) =>
      document
        .querySelector('[data-testid="caption-mover"]')
        ?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    press('ArrowUp');
    press('ArrowUp');
    press('ArrowLeft');
    expect(settings.all.get().captionSpot).toEqual({ x: 40, y: 80 });
    press('Enter');
    flushSync();
    expect(document.querySelector('[data-testid="caption-mover"]')).toBeNull();
    settings.change({ captionSpot: undefined });
  });

  it('waits for the name of somebody the roster does not know yet', () => {
    expect(receive(caption({ spk: 'p2', seg: 's2' }))).toEqual([]);
    session.roster.put({ ...peer, participant: 'p2', name: 'Ben' });
    flushSync();
    expect(document.querySelector<HTMLElement>('[data-seg="s2"]')?.dataset['speakerName']).toBe('Ben');
  });
});
