// @vitest-environment happy-dom
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MeetingSession } from '../../core/session';
import type { Caption, Peer } from '../../core/signal';
import Captions from './Captions.svelte';

const peer: Peer = {
  participant: 'p1',
  name: 'Zoé <b>',
  role: 'participant',
  order: 3,
  sources: ['mic'],
  opt_out: false,
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
    expect(p?.dataset).toMatchObject({ seg: 's1', rev: '12', final: 'false', speaker: 'p1', speakerName: 'Zoé <b>' });
    expect(p?.lang).toBe('fr');
    expect(p?.textContent?.trim()).toBe('Bonjour à tous');
    expect(p?.querySelector('.tail')?.textContent).toBe(' à tous');
    expect(document.querySelector('.name')?.textContent).toBe('Zoé <b>');
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

  it('waits for the name of somebody the roster does not know yet', () => {
    expect(receive(caption({ spk: 'p2', seg: 's2' }))).toEqual([]);
    session.roster.put({ ...peer, participant: 'p2', name: 'Ben' });
    flushSync();
    expect(document.querySelector<HTMLElement>('[data-seg="s2"]')?.dataset['speakerName']).toBe('Ben');
  });
});
