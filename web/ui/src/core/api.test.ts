import { describe, expect, it } from 'vitest';
import { Api, ApiError, isOutdated } from './api';
import { readSystemStatus } from './instance';
import { readRoom } from './rooms';
import { readTranscript } from './transcripts';

const room = {
  id: 'kfm-rtqw-xzdp',
  name: 'Tuesday',
  level: 'transcript',
  ceiling: 'inherit',
  effective_ceiling: 'captions',
  effective_level: 'captions',
  langs: [],
  role: 'organizer',
  live: { meeting: 'm', people: 2, since_unix_ms: 5 },
  created_unix_ms: 1,
  join_url: 'https://meet.example/r/kfm-rtqw-xzdp',
};

function answering(status: number, body: unknown): { api: Api; asked: [string, RequestInit | undefined][] } {
  const asked: [string, RequestInit | undefined][] = [];
  const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
  const api = new Api(async (input, init) => {
    asked.push([String(input), init]);
    return new Response(text, { status });
  });
  return { api, asked };
}

describe('answers', () => {
  it('are read', async () => {
    expect(readRoom(room)).toMatchObject({ effectiveLevel: 'captions', live: { people: 2 } });
    expect(readRoom({ ...room, live: null }).live).toBeUndefined();
    const { api } = answering(200, { rooms: [room] });
    expect(await api.rooms()).toHaveLength(1);
  });

  it('that are not what was promised are refused', () => {
    expect(() => readRoom({ ...room, level: 'everything' })).toThrow();
    expect(() => readTranscript({ people: [], segments: [{ seg: 's' }], final: true })).toThrow();
    expect(() => readTranscript([])).toThrow();
  });

  it('without content are fine', async () => {
    await answering(204, undefined).api.deleteRoom('kfm-rtqw-xzdp');
  });
});

describe('lists', () => {
  it('are read page by page', async () => {
    const asked: string[] = [];
    const api = new Api(async (input) => {
      asked.push(String(input));
      const last = String(input).includes('after=second');
      return new Response(JSON.stringify({ rooms: [room], meetings: [], next: last ? '' : 'second' }));
    });
    expect(await api.rooms()).toHaveLength(2);
    expect(await api.roomPage()).toMatchObject({ next: 'second' });
    expect(await api.meetings('second', 5)).toEqual({ entries: [], next: '' });
    expect(asked).toEqual([
      '/api/v1/rooms?limit=200',
      '/api/v1/rooms?limit=200&after=second',
      '/api/v1/rooms?limit=50',
      '/api/v1/meetings?limit=5&after=second',
    ]);
  });
});

describe('what must not be made twice', () => {
  it('is sent with its key', async () => {
    const { api, asked } = answering(201, { room, join_url: 'https://a', organizer_url: 'https://b' });
    await api.createRoom('Weekly', false, 'a-key');
    await api.createRoom('Weekly');
    const sent = asked.map(([, init]) => new Headers(init?.headers).get('idempotency-key'));
    expect(sent).toEqual(['a-key', null]);
  });
});

describe('settings of a room', () => {
  it('are changed in the version that was read', async () => {
    const asked: RequestInit[] = [];
    const api = new Api(async (_, init) => {
      asked.push(init ?? {});
      return new Response(JSON.stringify(room), { headers: { etag: '"v1"' } });
    });
    const { etag, rules } = await api.room(room.id);
    expect(etag).toBe('"v1"');
    await api.setRules(room.id, rules, etag);
    await api.describeSpeech(room.id, { langs: [], glossary: [] }, etag);
    await api.setRetention(room.id, { audioDays: 0, textDays: 0, minutesDays: 0 }, etag);
    await api.setRules(room.id, rules);
    expect(asked.slice(1).map((a) => new Headers(a.headers).get('if-match'))).toEqual(['"v1"', '"v1"', '"v1"', null]);
  });

  it('that somebody else changed are told apart', async () => {
    const problem = { type: 'urn:souffleur:problem:changed-meanwhile', status: 412, detail: 'Look again.' };
    const refused = await answering(412, problem)
      .api.setRetention(room.id, { audioDays: 1, textDays: 1, minutesDays: 1 }, '"v0"')
      .catch((e: unknown) => e);
    expect(isOutdated(refused)).toBe(true);
    expect(isOutdated(new ApiError(412, 'edited-meanwhile', ''))).toBe(false);
  });
});

describe('kept sound', () => {
  it('is listed, and has an address with the reason', async () => {
    const tracks = [{ track: 't1', participant: 'p1', from_ms: 3000, to_ms: 9000, bytes: 700 }];
    const { api, asked } = answering(200, { tracks });
    expect(await api.keptAudio('m 1', 'why?')).toEqual([{ track: 't1', participant: 'p1', fromMs: 3000, toMs: 9000 }]);
    expect(asked[0]?.[0]).toBe('/api/v1/meetings/m%201/audio?reason=why%3F');
    expect(api.audioUrl('m', 't/1', '')).toBe('/api/v1/meetings/m/audio/t%2F1');
    await expect(answering(200, { tracks: [{ track: 't1' }] }).api.keptAudio('m')).rejects.toThrow();
  });
});

describe('failures', () => {
  it('carry the stable word of the problem', async () => {
    const problem = { type: 'urn:souffleur:problem:above-ceiling', status: 409, detail: 'too much' };
    const { api } = answering(409, problem);
    await expect(api.setLevel('kfm-rtqw-xzdp', 'minutes')).rejects.toMatchObject({
      status: 409,
      code: 'above-ceiling',
    });
  });

  it.each([
    ['a page of a proxy', '<html>'],
    ['nothing', undefined],
    ['another kind of problem', { type: 'about:blank' }],
  ])('are understood from %s', async (_, body) => {
    await expect(answering(502, body).api.me()).rejects.toEqual(new ApiError(502, '', ''));
  });

  it.each([
    ['60', 60],
    ['Wed, 21 Oct 2015 07:28:00 GMT', undefined],
    ['-1', undefined],
  ])('say when to come again: %s', async (header, seconds) => {
    const problem = JSON.stringify({ type: 'urn:souffleur:problem:overloaded' });
    const api = new Api(async () => new Response(problem, { status: 503, headers: { 'retry-after': header } }));
    await expect(api.join('r', { name: 'Ada' })).rejects.toMatchObject({ code: 'overloaded', retryAfterS: seconds });
  });

  it('of the network are told apart', async () => {
    const api = new Api(() => Promise.reject(new TypeError('no route')));
    await expect(api.me()).rejects.toMatchObject({ status: 0, code: 'network' });
  });
});

describe('questions', () => {
  it.each([
    [undefined, { name: 'Ada' }],
    [0, { name: 'Ada', room_mic: true, headcount: 0 }],
    [12, { name: 'Ada', room_mic: true, headcount: 12 }],
  ])('of who joins with %s at the microphone', async (roomMic, body) => {
    const { api, asked } = answering(200, { token: 't' });
    await api.join('r', { name: 'Ada', roomMic });
    expect(JSON.parse(String(asked[0]?.[1]?.body))).toMatchObject(body);
    expect(Object.hasOwn(JSON.parse(String(asked[0]?.[1]?.body)), 'room_mic')).toBe(roomMic !== undefined);
  });

  it('keep foreign text out of the path', async () => {
    const { api, asked } = answering(200, room);
    await api.room('../admin?x');
    expect(asked[0]?.[0]).toBe('/api/v1/rooms/..%2Fadmin%3Fx');
  });

  it('say what they send', async () => {
    const { api, asked } = answering(204, undefined);
    await api.setLevel('r', 'off');
    expect(asked[0]?.[1]).toMatchObject({
      method: 'PUT',
      body: '{"level":"off"}',
      headers: { 'content-type': 'application/json' },
    });
    await api.endMeeting('r');
    expect(asked[1]?.[1]?.body).toBeUndefined();
  });

  it('name the reason of an admin', () => {
    const { api } = answering(200, {});
    expect(api.exportUrl('M', 'vtt', 'fr', 'court order')).toBe(
      '/api/v1/meetings/M/export?format=vtt&lang=fr&reason=court+order',
    );
    expect(api.exportUrl('M', 'vtt', 'en', '')).toBe('/api/v1/meetings/M/export?format=vtt&lang=en');
  });
});

describe('the state of the system', () => {
  const up = { state: 'up' };
  it('has a disk where the server keeps data itself', () => {
    const status = { asr: up, bus: up, storage: up, disk: { state: 'full' }, rooms_live: 1, people: 2 };
    expect(readSystemStatus(status).disk?.state).toBe('full');
    expect(readSystemStatus({ ...status, disk: undefined }).disk).toBeUndefined();
  });

  it('says what is given up, and why', () => {
    const load = {
      state: 'audio',
      since_unix_ms: 7,
      cause: 'cpu',
      why: 'CPU 93 %',
      cpu: 61,
      late_ms: 4,
      egress_kbps: 2500,
    };
    const read = { state: 'audio', sinceUnixMs: 7, cause: 'cpu', cpu: 61, lateMs: 4, egressKbps: 2500 };
    const status = { asr: up, bus: up, storage: up, rooms_live: 1, people: 2 };
    expect(readSystemStatus({ ...status, load }).load).toEqual(read);
    expect(readSystemStatus(status).load).toMatchObject({ state: 'normal', cause: undefined });
  });
});
