// Both sides of the signalling read the same messages: these files, and Go's signal.ParseClient and ServerMessage.

import { describe, expect, it } from 'vitest';
import { parseServer, type ClientMessage, type ServerMessage } from './signal';

const golden = import.meta.glob<string>('../../../../internal/signal/testdata/*.json', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const files = new Map(Object.entries(golden).map(([path, text]) => [path.split('/').at(-1) ?? '', text]));
const read = (name: string) => files.get(name) ?? '';

// By type, so that a message without a golden file does not compile.
const serverTypes: Record<ServerMessage['type'], true> = {
  welcome: true,
  offer: true,
  answer: true,
  candidate: true,
  joined: true,
  changed: true,
  left: true,
  slot: true,
  ai: true,
  caption: true,
  gone: true,
  fault: true,
  pong: true,
  layers: true,
  load: true,
  room: true,
  waiting: true,
  moderated: true,
  chat: true,
  history: true,
  reaction: true,
  voices: true,
};

const sdp = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';
const candidate = {
  candidate: 'candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host',
  sdpMid: '0',
  sdpMLineIndex: 0,
  usernameFragment: 'abcd',
};

const clientMessages: { [T in ClientMessage['type']]: Extract<ClientMessage, { type: T }> } = {
  hello: { type: 'hello', token: 'opaque.token', keep: true, media: '0f3a9c1e5b7d2846' },
  offer: {
    type: 'offer',
    sdp,
    tracks: [
      { mid: '0', source: 'mic' },
      { mid: '1', source: 'camera' },
      { mid: '2', source: 'screen' },
      { mid: '3', source: 'screen-audio' },
    ],
  },
  answer: { type: 'answer', sdp },
  candidate: { type: 'candidate', pc: 'up', candidate },
  track: { type: 'track', source: 'mic', active: true },
  restart: { type: 'restart' },
  'opt-out': { type: 'opt-out', opt_out: true },
  leave: { type: 'leave' },
  ping: { type: 'ping' },
  view: {
    type: 'view',
    tiles: [
      { participant: 'p7zq4m3lrt2kfxa5n', source: 'screen', height: 1080 },
      { participant: 'p2c5n7qhd3wxk4tba', source: 'camera', height: 180 },
    ],
  },
  hand: { type: 'hand', active: true },
  chat: {
    type: 'chat',
    text: 'L’ordre du jour : https://example.org/ordre?n=1&j=2\n<b>à tout de suite</b>',
  },
  moderate: { type: 'moderate', action: 'mute', participant: 'pc2wvb6nqy5dhj3ks', source: 'mic' },
  type: { type: 'type', text: 'Bonjour à tous', final: true, lang: 'fr' },
  history: { type: 'history', before: 'm3zq7wkdn2c5xv4b6tjh8sfa' },
  react: { type: 'react', emoji: '❤️' },
  'name-voice': { type: 'name-voice', participant: 'pc2wvb6nqy5dhj3ks', voice: 2, text: 'Grace' },
};

describe('golden messages of the server', () => {
  it.each(Object.keys(serverTypes))('%s is read, and nothing of it is lost', (type) => {
    const frame = read(`server_${type}.json`);
    const message = parseServer(frame);
    expect(message.type).toBe(type);
    const { pc: _, ...sent } = JSON.parse(frame); // of an offer or answer: the direction says it already
    expect(message).toMatchObject(type === 'candidate' ? JSON.parse(frame) : withoutUnread(sent));
  });

  it('has no file that the client does not know', () => {
    const known = [
      ...Object.keys(serverTypes).map((t) => `server_${t}.json`),
      ...Object.keys(clientMessages).map((t) => `client_${t}.json`),
    ];
    expect([...files.keys()].filter((f) => !known.includes(f))).toEqual([]);
  });
});

describe('golden messages of the client', () => {
  it.each(Object.entries(clientMessages))('%s is written as the server expects it', (type, message) => {
    expect(JSON.parse(read(`client_${type}.json`))).toEqual(message);
  });
});

/** Drops what the client does not use: who switched the AI, as an ID, and the version of a caption. */
function withoutUnread(v: unknown): object {
  return JSON.parse(JSON.stringify(v, (key, value: unknown) => (key === 'by' || key === 'v' ? undefined : value)));
}
