import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MeetingSession, type Notice } from './session';
import { Wire } from './testing/wire';

const policy = (level: string, by_name = '', keep_audio = false) => ({
  level,
  ceiling: 'minutes',
  by_name,
  at_ms: 0,
  keep_audio,
});
const ai = (level: string, by_name = '', keepAudio = false) => ({
  policy: policy(level, by_name, keepAudio),
  status: { state: level === 'off' ? 'off' : 'live' },
});
const peer = (participant: string, order: number) => ({
  participant,
  name: participant,
  role: 'participant',
  order,
  sources: [],
  opt_out: false,
  captioner: false,
  present: true,
});
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
    peers: [peer('ada', 0)],
    ai: ai('off'),
    ...change,
  },
});
const caption = (change: object = {}) => ({
  type: 'caption',
  caption: {
    v: 1,
    seg: 's1',
    rev: 1,
    spk: 'ada',
    t0: 0,
    t1: 1,
    lang: 'en',
    text: 'hi',
    stable: 0,
    final: false,
    ...change,
  },
});

describe('a stay in a meeting', () => {
  let session: MeetingSession;
  let notices: Notice[];
  let rejoin: () => Promise<string>;
  const kinds = () => notices.map((n) => n.kind);
  const says = (message: object) => Wire.last.says(JSON.stringify(message));
  const shown = () => session.captions.shown.get().map((s) => s.caption.text);
  const hellos = () => Wire.all.map((w) => w.sent[0]);

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('WebSocket', Wire);
    Wire.all.length = 0;
    notices = [];
    rejoin = () => Promise.resolve('fresh');
    session = new MeetingSession({
      socketUrl: 'ws://test/api/v1/signal',
      token: 'first',
      rejoin: () => rejoin(),
      device: () => '',
      notice: (n) => notices.push(n),
    });
    session.start();
  });
  afterEach(() => {
    session.leave();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  function joined(change: object = {}): void {
    Wire.last.opens();
    says(welcome(change));
  }

  it('begins with its token and the state it is welcomed to', () => {
    joined();
    expect(hellos()).toEqual(['{"type":"hello","token":"first"}']);
    expect(session.phase.get()).toEqual({ name: 'connected' });
    expect([...session.roster.peers.get().keys()]).toEqual(['ada']);
    expect(notices).toEqual([]);
  });

  it('shows reactions of who is there, and tells of those of others', () => {
    joined({ peers: [peer('ada', 0), peer('ben', 1)] });
    says({ type: 'reaction', participant: 'ben', emoji: '🎉' });
    says({ type: 'reaction', participant: 'ada', emoji: '👍' });
    says({ type: 'reaction', participant: 'stranger', emoji: '👍' });
    expect(notices).toEqual([{ kind: 'reaction', name: 'ben', emoji: '🎉' }]);
    expect([...session.reactions.shown.get().keys()]).toEqual(['ben', 'ada']);
    for (let n = 0; n < 10; n++) session.react('👏');
    expect(Wire.last.sent.filter((m) => m === '{"type":"react","emoji":"👏"}')).toHaveLength(3);
    session.leave();
    expect(session.reactions.shown.get().size).toBe(0);
  });

  it('is told of the AI at once when it is on', () => {
    joined({ ai: ai('transcript', 'Grace') });
    expect(notices).toMatchObject([{ kind: 'policy', change: false, ai: { policy: { level: 'transcript' } } }]);
  });

  it('resumes after a loss with the token of the welcome, and takes the roster as it is then', async () => {
    joined({ peers: [peer('ada', 0), peer('ben', 1)] });
    Wire.last.breaks();
    expect(session.phase.get()).toMatchObject({ name: 'reconnecting' });
    await vi.advanceTimersByTimeAsync(1_000);
    joined({ token: 'resume-2' });
    expect(hellos()[1]).toBe('{"type":"hello","token":"resume-1"}');
    expect(session.phase.get()).toEqual({ name: 'connected' });
    expect([...session.roster.peers.get().keys()]).toEqual(['ada']);
  });

  it('announces who comes and goes, but not itself', () => {
    joined();
    says({ type: 'joined', peer: peer('ada', 0) });
    says({ type: 'joined', peer: peer('ben', 1) });
    says({ type: 'changed', peer: { ...peer('ben', 1), sources: ['mic'] } });
    says({ type: 'left', participant: 'ben' });
    says({ type: 'left', participant: 'stranger' });
    expect(kinds()).toEqual(['joined', 'left']);
  });

  it('announces a change of the AI once, with who made it', () => {
    joined();
    says({ type: 'ai', ai: ai('captions', 'Grace') });
    says({ type: 'ai', ai: ai('captions', 'Grace') });
    expect(notices).toMatchObject([{ kind: 'policy', change: true, ai: { policy: { by_name: 'Grace' } } }]);
  });

  it('announces that sound is kept, and that it is no more, with who switched', () => {
    joined({ ai: ai('transcript') });
    says({ type: 'ai', ai: ai('transcript', 'Grace', true) });
    says({ type: 'ai', ai: ai('transcript', 'Grace', true) });
    says({ type: 'ai', ai: ai('captions', 'Ada') });
    expect(notices.slice(1)).toMatchObject([
      { change: false, sound: true, ai: { policy: { by_name: 'Grace', keep_audio: true } } },
      { change: true, sound: true, ai: { policy: { by_name: 'Ada', keep_audio: false } } },
    ]);
  });

  it('lists what was said before it came, without showing it as if said now', () => {
    joined({ ai: ai('captions') });
    says(caption({ seg: 'old', final: true, rev: 1000, text: 'long ago' }));
    expect(shown()).toEqual([]);
    expect(session.captions.finals.get()).toHaveLength(1);
    vi.advanceTimersByTime(2_000);
    says(caption({ seg: 'new', final: true, rev: 1000, text: 'just now' }));
    expect(shown()).toEqual(['just now']);
  });

  it('takes captions off the screen when their time is over', () => {
    joined({ ai: ai('captions') });
    says(caption());
    expect(shown()).toEqual(['hi']);
    vi.advanceTimersByTime(4_100);
    expect(shown()).toEqual([]);
  });

  it('empties the screen when the AI is switched off, and shows nothing that comes late', () => {
    joined({ ai: ai('captions') });
    says(caption());
    says({ type: 'ai', ai: ai('off', 'Grace') });
    says(caption({ rev: 2 }));
    says(caption({ final: true, rev: 1000 }));
    expect(shown()).toEqual([]);
  });

  it.each(['ended', 'replaced', 'flood'])('is over after "%s", and does not come back', async (code) => {
    joined();
    says({ type: 'gone', code, message: '' });
    Wire.last.breaks();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.phase.get()).toEqual({ name: 'gone', code });
    expect(Wire.all).toHaveLength(1);
  });

  it('comes back with the same token when the server restarts', async () => {
    joined();
    says({ type: 'gone', code: 'shutdown', message: '' });
    Wire.last.breaks();
    await vi.advanceTimersByTimeAsync(1_000);
    Wire.last.opens();
    expect(hellos()[1]).toBe('{"type":"hello","token":"resume-1"}');
  });

  it('joins anew, once, when its token is not known any more', async () => {
    joined();
    says({ type: 'gone', code: 'expired', message: '' });
    Wire.last.breaks();
    await vi.advanceTimersByTimeAsync(1_000);
    Wire.last.opens();
    expect(hellos()).toEqual(['{"type":"hello","token":"first"}', '{"type":"hello","token":"fresh"}']);
    says({ type: 'gone', code: 'bad_token', message: '' });
    expect(session.phase.get()).toEqual({ name: 'gone', code: 'bad_token' });
  });

  it('is over when it may not join anew', async () => {
    rejoin = () => Promise.reject(new Error('room is gone'));
    joined();
    says({ type: 'gone', code: 'expired', message: '' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(session.phase.get()).toEqual({ name: 'gone', code: 'expired' });
  });

  it('forgets the captions of another meeting', async () => {
    joined({ ai: ai('captions') });
    says(caption({ final: true, rev: 1000 }));
    Wire.last.breaks();
    await vi.advanceTimersByTimeAsync(1_000);
    joined({ meeting: 'm2' });
    expect(session.captions.finals.get()).toEqual([]);
  });

  it('tells what the screen shows once it is welcome, and again to a server that it comes back to', async () => {
    const views = () => Wire.last.sent.filter((m) => m.includes('"view"'));
    session.view.show([{ participant: 'ben', source: 'camera', height: 180 }]);
    await vi.advanceTimersByTimeAsync(500);
    expect(Wire.last.sent).toEqual([]);
    joined();
    const view = '{"type":"view","tiles":[{"participant":"ben","source":"camera","height":180}]}';
    expect(views()).toEqual([view]);
    Wire.last.breaks();
    await vi.advanceTimersByTimeAsync(1_000);
    joined({ token: 'resume-2' });
    expect(views()).toEqual([view]);
  });

  it('knows what the server sheds, also when it comes later', () => {
    joined();
    expect(session.load.get()).toBe('normal');
    says({ type: 'load', load: { state: 'audio' } });
    expect(session.load.get()).toBe('audio');
    says(welcome({ load: { state: 'thumbnails' } }));
    expect(session.load.get()).toBe('thumbnails');
  });

  it('takes layers of what it does not send', () => {
    joined();
    says({ type: 'layers', source: 'camera', layers: ['q'] });
    expect(session.phase.get()).toEqual({ name: 'connected' });
  });

  it('waits at the door, keeps its place over a loss, and is let in on the same connection', async () => {
    const inside = vi.fn();
    void session.admitted.then(inside);
    Wire.last.opens();
    const waiting = { room: 'r1', room_name: 'Tuesday', token: 'place-1', organizer: false };
    says({ type: 'waiting', waiting });
    expect(session.phase.get()).toEqual({ name: 'waiting' });
    expect(session.waiting.get()).toEqual(waiting);
    Wire.last.breaks();
    await vi.advanceTimersByTimeAsync(1_000);
    Wire.last.opens();
    expect(hellos()[1]).toBe('{"type":"hello","token":"place-1"}');
    says({ type: 'waiting', waiting: { ...waiting, organizer: true, token: 'place-2' } });
    expect(session.waiting.get()?.organizer).toBe(true);
    expect(inside).not.toHaveBeenCalled();
    says(welcome());
    await vi.advanceTimersByTimeAsync(0);
    expect(session.waiting.get()).toBeUndefined();
    expect(session.phase.get()).toEqual({ name: 'connected' });
    expect(inside).toHaveBeenCalledWith(true);
    expect(Wire.last.sent).toHaveLength(1); // nothing but the hello
  });

  it.each(['removed', 'locked', 'full', 'not_admitted', 'waited', 'lobby_full'])(
    'is over, and was not inside, when turned away with "%s"',
    async (code) => {
      const inside = vi.fn();
      void session.admitted.then(inside);
      Wire.last.opens();
      says({ type: 'gone', code, message: '' });
      await vi.advanceTimersByTimeAsync(60_000);
      expect(session.phase.get()).toEqual({ name: 'gone', code });
      expect(inside).toHaveBeenCalledWith(false);
      expect(Wire.all).toHaveLength(1);
    },
  );

  it('follows the state of the room', () => {
    joined({ room_state: { locked: true, hands: ['ada'] } });
    expect(session.house.state.get()).toMatchObject({ locked: true, lobby: false, share: 'everybody', hands: ['ada'] });
    expect(session.handUp).toBe(true);
    says({ type: 'room', room: { lobby: true, share: 'organizers', hands: [] } });
    expect(session.house.state.get()).toMatchObject({ locked: false, lobby: true, share: 'organizers' });
    expect(session.handUp).toBe(false);
    expect(notices).toEqual([]);
  });

  it('tells organizers, and only them, who waits and who raises a hand', () => {
    const state = { hands: ['ben'], waiting: [{ participant: 'cleo', name: 'Cleo' }] };
    joined({ peers: [peer('ada', 0), peer('ben', 1)] });
    says({ type: 'room', room: { hands: ['ben'] } });
    expect(notices).toEqual([]);
    says({ type: 'room', room: {} });
    says({ type: 'changed', peer: { ...peer('ada', 0), role: 'organizer' } });
    expect(session.role.get()).toBe('organizer');
    says({ type: 'room', room: state });
    says({ type: 'room', room: state });
    expect(notices).toEqual([
      { kind: 'waiter', name: 'Cleo' },
      { kind: 'hand', name: 'ben', up: 1 },
    ]);
  });

  it('sends what people want of the room', () => {
    joined();
    session.raiseHand(true);
    session.moderate({ type: 'moderate', action: 'admit' });
    expect(session.write('hello')).toBe(true);
    expect(Wire.last.sent.slice(1)).toEqual([
      '{"type":"hand","active":true}',
      '{"type":"moderate","action":"admit"}',
      '{"type":"chat","text":"hello"}',
    ]);
    Wire.last.breaks();
    expect(session.write('lost')).toBe(false);
  });

  it('says who did something to it', () => {
    joined();
    says({ type: 'moderated', moderated: { action: 'mute', source: 'mic', by_name: 'Grace' } });
    expect(notices).toMatchObject([{ kind: 'moderated', done: { by_name: 'Grace', source: 'mic' } }]);
    expect(Wire.last.sent.at(-1)).toBe('{"type":"track","source":"mic","active":false}'); // it knows
    expect(session.mic.state.get()).toBe('off');
  });

  it('does not let somebody choose a screen that the room refuses', async () => {
    joined({ peers: [peer('ada', 0), { ...peer('ben', 1), sources: ['screen'] }] });
    await session.toggleScreen();
    expect(notices).toEqual([{ kind: 'fault', code: 'share_taken' }]);
  });

  it('announces what others write, but not the history nor its own', () => {
    const said = (id: number, participant: string) => ({
      id,
      participant,
      name: participant,
      text: 'x',
      at_unix_ms: 1,
    });
    joined({ chat: 2 });
    says({ type: 'chat', chat: [said(1, 'ben'), said(2, 'ben')] });
    expect(notices).toEqual([]);
    says({ type: 'chat', chat: [said(3, 'ada')] });
    says({ type: 'chat', chat: [said(4, 'ben')] });
    expect(notices).toEqual([{ kind: 'chat', name: 'ben' }]);
    expect(session.chat.messages.get()).toHaveLength(4);
  });

  it('says that it leaves', () => {
    joined();
    session.leave();
    expect(Wire.last.sent.at(-1)).toBe('{"type":"leave"}');
    expect(session.phase.get()).toEqual({ name: 'left' });
  });
});
