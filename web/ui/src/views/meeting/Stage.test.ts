// @vitest-environment happy-dom
import { flushSync, mount, tick, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settings } from '../../app';
import { MeetingSession } from '../../core/session';
import type { MediaSlot, Peer, ViewTile } from '../../core/signal';
import Stage from './Stage.svelte';

const peer = (i: number, change: Partial<Peer> = {}): Peer => ({
  participant: `p${i}`,
  name: `Person ${i}`,
  role: 'participant',
  order: i,
  sources: ['mic', 'camera'],
  opt_out: false,
  captioner: false,
  present: true,
  ...change,
});
const slot = (mid: string, participant: string, change: Partial<MediaSlot> = {}): MediaSlot => ({
  mid,
  kind: 'video',
  participant,
  source: 'camera',
  ...change,
});

/** A stage of 1264 × 640 px, for code that asks elements for their size. */
class Sized {
  readonly #seen: ResizeObserverCallback;
  constructor(seen: ResizeObserverCallback) {
    this.#seen = seen;
  }
  observe(target: Element): void {
    const entry = { target, contentRect: new DOMRect(), borderBoxSize: [], contentBoxSize: [] };
    this.#seen([{ ...entry, devicePixelContentBoxSize: [] }], this);
  }
  unobserve(): void {}
  disconnect(): void {}
}

describe('the stage', { timeout: 20_000 }, () => {
  let session: MeetingSession;
  let stage: ReturnType<typeof mount>;
  let views: (readonly ViewTile[])[];

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('ResizeObserver', Sized);
    vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1264);
    vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(640);
    session = new MeetingSession({
      socketUrl: 'ws://test',
      token: '',
      rejoin: () => Promise.reject(new Error('not in this test')),
      device: () => '',
      notice: () => undefined,
    });
    views = [];
    vi.spyOn(session.view, 'show').mockImplementation((tiles) => void views.push(tiles));
  });
  afterEach(() => {
    void unmount(stage);
    settings.change({ stage: 'grid' });
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  async function opens(people: number): Promise<void> {
    session.roster.replace(Array.from({ length: people }, (_, i) => peer(i)));
    stage = mount(Stage, {
      target: document.body,
      props: { session, copyInvite: () => undefined, captions: undefined },
    });
    await settles();
  }
  async function settles(): Promise<void> {
    flushSync();
    await tick();
    flushSync();
  }
  const all = (testid: string) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`)];
  const tiles = () => all('tile').map((tile) => tile.dataset['participant'] ?? '');
  const press = async (testid: string) => {
    all(testid)[0]?.click();
    await settles();
  };
  const key = async (name: string) => {
    window.dispatchEvent(new KeyboardEvent('keydown', { key: name }));
    await settles();
  };
  const crowd = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `p${from + i}`);

  it('shows 150 people on pages of twelve, by buttons and keys', async () => {
    await opens(150);
    expect(tiles()).toEqual(crowd(0, 12));
    expect(all('pages')[0]?.textContent).toContain('Page 1 of 13');
    await press('next-page');
    expect(tiles()).toEqual(crowd(12, 24));
    await key('PageDown');
    expect(tiles()).toEqual(crowd(24, 36));
    await key('PageUp');
    await key('PageUp');
    await key('PageUp');
    expect(tiles()).toEqual(crowd(0, 12));
  });

  it('tells the server the page that is shown, and nothing else', async () => {
    await opens(30);
    expect(views.at(-1)?.map((v) => v.participant)).toEqual(crowd(0, 12));
    expect(views.at(-1)?.[0]).toEqual({ participant: 'p0', source: 'camera', height: 180 });
    await press('next-page');
    expect(views.at(-1)?.map((v) => v.participant)).toEqual(crowd(12, 24));
  });

  it('tells whether anybody sees it, from the start', async () => {
    const seen = vi.spyOn(session.view, 'seen');
    const state = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    await opens(3);
    expect(seen.mock.calls.at(-1)).toEqual([false]);
    state.mockReturnValue('visible');
    document.dispatchEvent(new Event('visibilitychange'));
    expect(seen.mock.calls.at(-1)).toEqual([true]);
  });

  it('has no pages for few people', async () => {
    await opens(12);
    expect(all('pages')).toEqual([]);
    await key('PageDown');
    expect(tiles()).toEqual(crowd(0, 12));
  });

  it('says of a picture that stands still why it does', async () => {
    await opens(3);
    session.downlink.tracks.set(new Map([['7', track()]]));
    session.downlink.assign([slot('7', 'p1', { paused: 'bandwidth' })]);
    await settles();
    const [, tile] = all('tile');
    expect(tile?.querySelector('[data-testid="paused"]')?.textContent).toContain('Video paused: weak connection');
    expect(tile?.querySelector('video'), 'the last picture stays').not.toBeNull();
    session.downlink.assign([slot('7', 'p1')]);
    await settles();
    expect(all('paused')).toEqual([]);
  });

  it('lets go of the video of who leaves the page', async () => {
    await opens(30);
    session.downlink.tracks.set(new Map([['7', track()]]));
    session.downlink.assign([slot('7', 'p3')]);
    await settles();
    const video = document.querySelector('video');
    expect(video?.srcObject).not.toBeNull();
    await press('next-page');
    expect(video?.isConnected).toBe(false);
    expect(video?.srcObject).toBeNull();
  });

  it('shows who speaks large, the others beside them, and asks for the large one first', async () => {
    settings.change({ stage: 'speaker' });
    await opens(40);
    session.speaker.set('p30');
    await settles();
    expect(all('main-tile')[0]?.dataset['participant']).toBe('p30');
    expect(views.at(-1)?.[0]).toEqual({ participant: 'p30', source: 'camera', height: 720 });
    expect(tiles()).not.toContain('p30');
    session.speaker.set('p2');
    await settles();
    expect(all('main-tile')[0]?.dataset['participant']).toBe('p2');
  });

  it('brings who speaks to the first page of a grid, for who was silent longest', async () => {
    await opens(30);
    session.speaker.set('p20');
    await settles();
    expect(tiles()).toEqual([...crowd(0, 11), 'p20']);
    session.speaker.set('p3');
    await settles();
    expect(tiles()).toEqual([...crowd(0, 11), 'p20']);
  });

  it('moves nobody while another page is read', async () => {
    await opens(30);
    await press('next-page');
    session.speaker.set('p25');
    await settles();
    expect(tiles()).toEqual(crowd(12, 24));
  });

  it('shows a screen large, and small while somebody is pinned', async () => {
    await opens(5);
    session.roster.put(peer(3, { sources: ['mic', 'screen'] }));
    await settles();
    expect(all('screen-tile')[0]?.closest('.large')).not.toBeNull();
    expect(views.at(-1)?.[0]).toMatchObject({ participant: 'p3', source: 'screen' });
    all('tile')[1]?.querySelector<HTMLElement>('[data-testid="pin"]')?.click();
    await settles();
    expect(all('main-tile')[0]?.dataset['participant']).toBe('p1');
    expect(all('screen-tile')[0]?.closest('.large')).toBeNull();
    expect(views.at(-1)?.slice(0, 2)).toMatchObject([
      { participant: 'p1', source: 'camera' },
      { participant: 'p3', source: 'screen' },
    ]);
    all('main-tile')[0]?.querySelector<HTMLElement>('[data-testid="pin"]')?.click();
    await settles();
    expect(all('main-tile')).toEqual([]);
  });
});

function track(): MediaStreamTrack {
  const [video] = document.createElement('canvas').captureStream().getVideoTracks();
  if (!video) throw new Error('no track');
  return video;
}
