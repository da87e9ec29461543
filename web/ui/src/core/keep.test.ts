// What of a stay survives the loss of its signalling connection.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { againMs, upWithinMs } from './mend';
import { MeetingSession } from './session';
import { FakePeer } from './testing/peer';
import { Wire } from './testing/wire';

const relays = [{ urls: ['turn:relay.test:3478?transport=udp'], username: 'u', credential: 'c' }];
const ai = { policy: { level: 'captions', ceiling: 'minutes', by_name: '', at_ms: 0 }, status: { state: 'live' } };
const welcome = (change: object = {}) => ({
  type: 'welcome',
  welcome: {
    participant: 'ada',
    meeting: 'm1',
    room: 'r1',
    room_name: 'Tuesday',
    role: 'participant',
    began_unix_ms: 0,
    token: 'resume-1',
    peers: [],
    ai,
    media: 'pair-1',
    ice_servers: relays,
    ...change,
  },
});
const caption = (seg: string, text: string) => ({
  v: 1,
  seg,
  rev: 1000,
  spk: 'ben',
  t0: 0,
  t1: 1,
  lang: 'en',
  text,
  stable: 0,
  final: true,
});

describe('a lost signalling connection', () => {
  let session: MeetingSession;
  let window: EventTarget;
  const says = async (message: object) => {
    Wire.last.says(JSON.stringify(message));
    await vi.advanceTimersByTimeAsync(0);
  };
  const sent = (type: string) => Wire.last.sent.map((s) => JSON.parse(s)).filter((m) => m.type === type);
  const peer = (n: number): FakePeer => {
    const p = FakePeer.all[n];
    if (!p) throw new Error(`there are ${FakePeer.all.length} peer connections`);
    return p;
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    window = new EventTarget();
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
    vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window));
    vi.stubGlobal('WebSocket', Wire);
    vi.stubGlobal('RTCPeerConnection', FakePeer);
    vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => null });
    Wire.all.length = FakePeer.all.length = 0;
    session = new MeetingSession({
      socketUrl: 'ws://test/api/v1/signal',
      token: 'first',
      rejoin: () => Promise.reject(new Error('not here')),
      device: () => '',
      notice: () => undefined,
    });
    session.start();
    Wire.last.opens();
    await says(welcome());
    await says({ type: 'offer', sdp: 'downlink' });
    await says({ type: 'slot', slots: [{ mid: '0', kind: 'audio', participant: 'ben', source: 'mic' }] });
    peer(0).becomes('connected');
  });
  afterEach(() => {
    session.leave();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  async function comesBack(change: object): Promise<void> {
    Wire.last.breaks();
    await vi.advanceTimersByTimeAsync(1_000);
    Wire.last.opens();
    await says(welcome(change));
  }

  it('leaves the media alone that the server has kept', async () => {
    await comesBack({ kept: true });
    expect(sent('hello')).toEqual([{ type: 'hello', token: 'resume-1', keep: true, media: 'pair-1' }]);
    expect(sent('restart')).toEqual([]);
    expect(FakePeer.all).toHaveLength(1);
    expect(peer(0).connectionState).toBe('connected');
    expect(session.downlink.slots.get().get('0')?.participant).toBe('ben');
  });

  it('begins anew when the server has not', async () => {
    await comesBack({ kept: false, media: 'pair-2' });
    expect(peer(0).connectionState).toBe('closed');
    expect(session.downlink.slots.get().size).toBe(0);
    await says({ type: 'offer', sdp: 'another' });
    expect(FakePeer.all).toHaveLength(2);
    await comesBack({ kept: true, media: 'pair-2' });
    expect(sent('hello')).toMatchObject([{ media: 'pair-2' }]);
  });

  it('restarts what went down meanwhile, once the server is back', async () => {
    Wire.last.breaks();
    peer(0).becomes('failed');
    await vi.advanceTimersByTimeAsync(1_000);
    Wire.last.opens();
    expect(sent('restart')).toEqual([]);
    await says(welcome({ kept: true }));
    expect(sent('restart')).toHaveLength(1);
    expect(peer(0).getConfiguration().iceServers).toEqual(relays);
  });

  it('asks for a restart when media is silent, and looks whether signalling is, too', async () => {
    peer(0).becomes('disconnected');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(sent('restart')).toHaveLength(1);
    expect(sent('ping').length).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(2_500);
    expect(session.phase.get()).toMatchObject({ name: 'reconnecting' });
  });

  it('restarts at once when the browser says that the network is back', async () => {
    window.dispatchEvent(new Event('online'));
    expect(sent('restart')).toHaveLength(1);
  });

  it('begins anew when restarts do not help', async () => {
    peer(0).becomes('failed');
    for (let i = 0; i < 12; i++) {
      await says({ type: 'pong' });
      await vi.advanceTimersByTimeAsync(againMs / 2);
      await says({ type: 'pong' });
    }
    await vi.advanceTimersByTimeAsync(1_000);
    Wire.last.opens();
    expect(sent('hello')).toEqual([{ type: 'hello', token: 'resume-1' }]);
  });

  it('offers again what was published and never answered, and says what is on', async () => {
    const track = { addEventListener: () => undefined, stop: () => undefined, kind: 'audio' };
    vi.stubGlobal('navigator', {
      mediaDevices: { getUserMedia: async () => ({ getTracks: () => [track], getAudioTracks: () => [track] }) },
    });
    await session.mic.set(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(sent('offer')).toHaveLength(1);
    await comesBack({ kept: true });
    expect(sent('offer')).toHaveLength(1);
    expect(peer(1).restarts).toBe(1);
    expect(
      sent('track')
        .filter((t) => t.source === 'mic')
        .at(-1),
    ).toMatchObject({ active: true });
    await says({ type: 'answer', sdp: 'yes' });
    peer(1).becomes('connected');
    await comesBack({ kept: true });
    expect(sent('offer')).toEqual([]);
  });

  it('shows what is said on the channel as said now, and what the server recalls as said before', async () => {
    await comesBack({ kept: true });
    peer(0)
      .channels.get('captions')
      ?.onmessage?.({ data: JSON.stringify(caption('now', 'just said')) });
    await says({ type: 'caption', caption: caption('before', 'said while away') });
    await says({ type: 'caption', caption: caption('now', 'just said') });
    expect(session.captions.shown.get().map((s) => s.caption.text)).toEqual(['just said']);
    expect(session.captions.finals.get()).toHaveLength(2);
  });

  it('uses the relays at once where only they helped before', async () => {
    await comesBack({ kept: false, media: 'pair-2' });
    await says({ type: 'offer', sdp: 'another' });
    expect(peer(1).getConfiguration().iceServers).toEqual([]);
    await vi.advanceTimersByTimeAsync(upWithinMs);
    await says({ type: 'pong' });
    peer(1).becomes('connected');
    await comesBack({ kept: false, media: 'pair-3' });
    await says({ type: 'offer', sdp: 'a third' });
    expect(peer(2).getConfiguration().iceServers).toEqual(relays);
  });
});
