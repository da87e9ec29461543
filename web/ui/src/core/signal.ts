// The signalling language: the same messages as Go package internal/signal, whose testdata holds the golden messages
// that both sides' tests read. parseServer is the only way a frame of the server becomes a typed message.

import { levels, roles, type Level, type Role } from './level';
import { count, countOr, fields, flag, flagOr, list, oneOf, ShapeError, text, textOr } from './shape';

export const maxMessageBytes = 64 << 10;
export const captionVersion = 1;

export const sources = ['mic', 'camera', 'screen', 'screen-audio'] as const;
export type Source = (typeof sources)[number];
export type Connection = 'up' | 'down';

/** Simulcast layers of a camera, lowest first: a quarter of the height, half of it, all of it. */
export const rids = ['q', 'h', 'f'] as const;
export type Rid = (typeof rids)[number];

/** The most tiles that a view may have. */
export const maxTiles = 32;

/** Pre-negotiated data channels of the downlink. */
export const captionsChannel = { label: 'captions', id: 1 } as const;
export const partialsChannel = { label: 'partials', id: 2 } as const;

export interface Candidate {
  readonly candidate: string;
  readonly sdpMid?: string;
  readonly sdpMLineIndex?: number;
  readonly usernameFragment?: string;
}

export interface Published {
  readonly mid: string;
  readonly source: Source;
}

export type ClientMessage =
  | {
      readonly type: 'hello';
      readonly token: string;
      /** Both peer connections of the welcome that gave `media` are still there. */
      readonly keep?: true;
      readonly media?: string;
    }
  | { readonly type: 'offer'; readonly sdp: string; readonly tracks: readonly Published[] }
  | { readonly type: 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly pc: Connection; readonly candidate: Candidate }
  | { readonly type: 'track'; readonly source: Source; readonly active: boolean }
  | { readonly type: 'opt-out'; readonly opt_out: boolean }
  | { readonly type: 'restart' }
  | { readonly type: 'leave' }
  | { readonly type: 'ping' }
  | { readonly type: 'view'; readonly tiles: readonly ViewTile[] }
  | { readonly type: 'hand'; readonly active: boolean }
  | { readonly type: 'chat'; readonly text: string }
  | ModerateMessage
  /** What a captioner types: the line as it stands now, '' takes it back. */
  | { readonly type: 'type'; readonly text: string; readonly final: boolean; readonly lang: string }
  /** Asks for what was said before a caption, or before all that came with the welcome. */
  | { readonly type: 'history'; readonly before?: string }
  | { readonly type: 'react'; readonly emoji: Emoji }
  /** An organizer says who a voice at a shared microphone is; '' takes it back. */
  | { readonly type: 'name-voice'; readonly participant: string; readonly voice: number; readonly text: string };

/** The reactions there are: thumbs up, applause, heart, laughter, surprise, celebration. */
export const emojis = ['👍', '👏', '❤️', '😂', '😮', '🎉'] as const;
export type Emoji = (typeof emojis)[number];

/** A video that is shown now. Tiles come in the order of their importance. */
export interface ViewTile {
  readonly participant: string;
  readonly source: 'camera' | 'screen';
  /** In device pixels. */
  readonly height: number;
}

/** What organizers do about the room, and to people; without a participant to all in question. */
export type ModerateMessage =
  | {
      readonly type: 'moderate';
      readonly action: 'mute';
      readonly participant: string;
      readonly source: 'mic' | 'camera';
    }
  | { readonly type: 'moderate'; readonly action: 'stop-share' | 'remove'; readonly participant: string }
  | { readonly type: 'moderate'; readonly action: 'lower-hand' | 'admit' | 'refuse'; readonly participant?: string }
  | { readonly type: 'moderate'; readonly action: 'lock' | 'unlock' | 'lobby-on' | 'lobby-off' }
  | { readonly type: 'moderate'; readonly action: 'captioner' | 'no-captioner'; readonly participant: string };

export interface Peer {
  readonly participant: string;
  readonly name: string;
  readonly role: Role;
  /** Join order, 0 for the first; colours follow it. */
  readonly order: number;
  /** What it sends now; without 'mic' it is muted. */
  readonly sources: readonly Source[];
  readonly opt_out: boolean;
  readonly present: boolean;
  /** May type captions. */
  readonly captioner: boolean;
  /** Several people are at this microphone. */
  readonly room_mic?: boolean;
  /** How many they are; 0: not known, or one. */
  readonly headcount?: number;
}

export interface MediaSlot {
  readonly mid: string;
  readonly kind: 'audio' | 'video';
  /** Empty: the slot carries nobody. */
  readonly participant: string;
  readonly source: string;
  /** Why nothing of it comes though it carries somebody: our connection, the server's load, a codec that we lack. */
  readonly paused?: Pause;
}

export const pauses = ['bandwidth', 'overload', 'codec'] as const;
export type Pause = (typeof pauses)[number];

/** What the server sheds when it runs short: nothing, thumbnails, all cameras. */
export const loads = ['normal', 'thumbnails', 'audio'] as const;
export type Load = (typeof loads)[number];

export interface LoadState {
  readonly state: Load;
}

export interface Policy {
  readonly level: Level;
  readonly ceiling: Level;
  readonly by_name: string;
  /** Room clock, ms. */
  readonly at_ms: number;
  /** Whether what is said is stored as sound. */
  readonly keep_audio: boolean;
  readonly langs: readonly string[];
}

export const captionStates = ['off', 'starting', 'live', 'catching_up', 'paused'] as const;
export type CaptionState = (typeof captionStates)[number];

export interface Status {
  readonly state: CaptionState;
  readonly reason: string;
  readonly lag_ms: number;
  readonly engine: string;
  /** How far recognisers fall short of what is said: 0 not at all, 3 most. */
  readonly load: number;
}

export interface AIState {
  readonly policy: Policy;
  readonly status: Status;
}

/** A partial or a segment as shown to a reader. Times are ms of the room clock. */
export interface Caption {
  readonly seg: string;
  readonly rev: number;
  readonly spk: string;
  readonly t0: number;
  readonly t1: number;
  readonly lang: string;
  readonly text: string;
  /** Leading Unicode code points of text that no later partial changes. */
  readonly stable: number;
  readonly final: boolean;
}

export interface Welcome {
  readonly participant: string;
  readonly meeting: string;
  readonly room: string;
  readonly room_name: string;
  readonly role: Role;
  readonly began_unix_ms: number;
  readonly token: string;
  readonly peers: readonly Peer[];
  readonly ai: AIState;
  readonly load: LoadState;
  /** The peer connections, slots and channels of before go on; no offer follows. */
  readonly kept: boolean;
  /** Names these peer connections for the next hello. */
  readonly media: string;
  /** Relays for where no direct way works. */
  readonly ice_servers: readonly IceServer[];
  readonly room_state: RoomState;
  /** ID of the newest chat message of the history that follows; 0: nothing was written. */
  readonly chat: number;
  readonly voices: readonly VoiceInfo[];
}

/** What is known of a voice at a shared microphone, beside its number. */
export interface VoiceInfo {
  readonly participant: string;
  readonly voice: number;
  /** '' if nobody said who it is. */
  readonly name: string;
  /** The number under which it is known now; 0: this one. */
  readonly same_as: number;
}

export interface IceServer {
  readonly urls: readonly string[];
  readonly username: string;
  readonly credential: string;
}

export const sharings = ['everybody', 'organizers'] as const;
export type Sharing = (typeof sharings)[number];

/** Somebody who waits to be let in. */
export interface Waiter {
  readonly participant: string;
  readonly name: string;
  readonly since_unix_ms: number;
}

export interface RoomState {
  readonly locked: boolean;
  readonly lobby: boolean;
  readonly share: Sharing;
  readonly share_replaces: boolean;
  readonly max_people: number;
  /** In the order in which they were raised. */
  readonly hands: readonly string[];
  /** Only organizers read it. */
  readonly waiting: readonly Waiter[];
}

/** What we are told while we wait to be let in. */
export interface WaitingInfo {
  readonly room: string;
  readonly room_name: string;
  readonly token: string;
  /** Somebody is there who can let us in. */
  readonly organizer: boolean;
}

export interface ChatMessage {
  readonly id: number;
  readonly participant: string;
  readonly name: string;
  readonly text: string;
  readonly at_unix_ms: number;
}

/** What was done to us. */
export interface Moderation {
  readonly action: string;
  readonly source: string;
  /** '' if a rule of the room did it. */
  readonly by_name: string;
}

export type ServerMessage =
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly pc: Connection; readonly candidate: Candidate }
  | { readonly type: 'joined' | 'changed'; readonly peer: Peer }
  | { readonly type: 'left'; readonly participant: string }
  | { readonly type: 'slot'; readonly slots: readonly MediaSlot[] }
  | { readonly type: 'ai'; readonly ai: AIState }
  | { readonly type: 'caption'; readonly caption: Caption }
  | { readonly type: 'gone' | 'fault'; readonly code: string; readonly message: string }
  | { readonly type: 'pong' }
  | { readonly type: 'layers'; readonly source: Source; readonly layers: readonly string[] }
  | { readonly type: 'load'; readonly load: LoadState }
  | { readonly type: 'room'; readonly room: RoomState }
  | { readonly type: 'waiting'; readonly waiting: WaitingInfo }
  | { readonly type: 'moderated'; readonly moderated: Moderation }
  | { readonly type: 'chat'; readonly chat: readonly ChatMessage[] }
  | { readonly type: 'history'; readonly captions: readonly Caption[]; readonly more: boolean }
  | { readonly type: 'reaction'; readonly participant: string; readonly emoji: Emoji }
  | { readonly type: 'voices'; readonly voices: readonly VoiceInfo[] };

const maxWaiting = 500;
const maxChatMessages = 1_000;
const maxChatText = 16_000; // UTF-16 units; the server allows 2,000 code points
/** The longest line of a captioner, in code points. */
export const maxTyped = 210;
const maxHistoryPage = 256;
const maxVoices = 400;
/** The highest number of a voice. */
const maxVoice = 99;
const maxVoiceName = 120; // UTF-16 units; the server allows 60 code points
const maxPeers = 2_000;
const maxSlots = 512;
const maxCaptionText = 8_192;
const maxIceServers = 4;
const maxIceUrls = 8;
const maxIceText = 512;

/** Reads one text frame. Throws ShapeError (or SyntaxError) on anything that is not a message of this version. */
export function parseServer(frame: string): ServerMessage {
  if (frame.length > maxMessageBytes * 4) throw new ShapeError('frame is too long');
  const raw: unknown = JSON.parse(frame);
  const m = fields(raw, 'message');
  const type = text(m['type'], 'type');
  switch (type) {
    case 'welcome':
      return { type, welcome: readWelcome(m['welcome']) };
    case 'offer':
    case 'answer':
      return { type, sdp: text(m['sdp'], 'sdp') };
    case 'candidate':
      return { type, pc: oneOf(m['pc'], ['up', 'down'] as const, 'pc'), candidate: readCandidate(m['candidate']) };
    case 'joined':
    case 'changed':
      return { type, peer: readPeer(m['peer']) };
    case 'left':
      return { type, participant: text(m['participant'], 'participant') };
    case 'slot':
      return { type, slots: list(m['slots'], readSlot, 'slots', maxSlots) };
    case 'ai':
      return { type, ai: readAI(m['ai']) };
    case 'caption':
      return { type, caption: readCaption(m['caption']) };
    case 'gone':
    case 'fault':
      return { type, code: textOr(m['code'], ''), message: textOr(m['message'], '') };
    case 'pong':
      return { type };
    case 'layers':
      return {
        type,
        source: oneOf(m['source'], sources, 'source'),
        layers: list(m['layers'], (rid) => text(rid, 'layer'), 'layers', 16),
      };
    case 'load':
      return { type, load: readLoad(m['load']) };
    case 'room':
      return { type, room: readRoomState(m['room']) };
    case 'waiting':
      return { type, waiting: readWaiting(m['waiting']) };
    case 'moderated':
      return { type, moderated: readModeration(m['moderated']) };
    case 'chat':
      return { type, chat: list(m['chat'], readChat, 'chat', maxChatMessages) };
    case 'history':
      return {
        type,
        captions: list(m['captions'], readCaption, 'captions', maxHistoryPage),
        more: flagOr(m['more'], false),
      };
    case 'reaction':
      return {
        type,
        participant: named(m['participant'], 'participant'),
        emoji: oneOf(m['emoji'], emojis, 'emoji'),
      };
    case 'voices':
      return { type, voices: readVoices(m['voices']) };
  }
  throw new ShapeError('unknown message type');
}

/** Reads one message of a caption data channel. */
export function parseCaption(frame: string): Caption {
  const raw: unknown = JSON.parse(frame);
  return readCaption(raw);
}

export function readCaption(v: unknown): Caption {
  const c = fields(v, 'caption');
  if (c['v'] !== captionVersion) throw new ShapeError('caption of another version');
  const said = text(c['text'], 'caption text');
  if (said.length > maxCaptionText) throw new ShapeError('caption text is too long');
  return {
    seg: named(c['seg'], 'seg'),
    rev: count(c['rev'], 'rev'),
    spk: named(c['spk'], 'spk'),
    t0: count(c['t0'], 't0'),
    t1: count(c['t1'], 't1'),
    lang: textOr(c['lang'], ''),
    text: said,
    stable: Math.max(0, countOr(c['stable'], 0)),
    final: flag(c['final'], 'final'),
  };
}

function named(v: unknown, what: string): string {
  const s = text(v, what);
  if (s === '' || s.length > 128) throw new ShapeError(`${what} is not an identifier`);
  return s;
}

function readWelcome(v: unknown): Welcome {
  const w = fields(v, 'welcome');
  return {
    participant: named(w['participant'], 'participant'),
    meeting: named(w['meeting'], 'meeting'),
    room: named(w['room'], 'room'),
    room_name: textOr(w['room_name'], ''),
    role: oneOf(w['role'], roles, 'role'),
    began_unix_ms: count(w['began_unix_ms'], 'began_unix_ms'),
    token: text(w['token'], 'token'),
    peers: list(w['peers'], readPeer, 'peers', maxPeers),
    ai: readAI(w['ai']),
    load: w['load'] === undefined ? { state: 'normal' } : readLoad(w['load']),
    kept: flagOr(w['kept'], false),
    media: textOr(w['media'], ''),
    ice_servers:
      w['ice_servers'] === undefined ? [] : list(w['ice_servers'], readIceServer, 'ice_servers', maxIceServers),
    room_state: readRoomState(w['room_state'] ?? {}),
    chat: countOr(w['chat'], 0),
    voices: readVoices(w['voices']),
  };
}

function readVoices(v: unknown): readonly VoiceInfo[] {
  return v === undefined ? [] : list(v, readVoice, 'voices', maxVoices);
}

function readVoice(v: unknown): VoiceInfo {
  const i = fields(v, 'voice');
  const number = (n: number) => {
    if (n > maxVoice) throw new ShapeError('voice of no number');
    return n;
  };
  const name = textOr(i['name'], '');
  if (name.length > maxVoiceName) throw new ShapeError('name of a voice is too long');
  return {
    participant: named(i['participant'], 'participant'),
    voice: number(count(i['voice'], 'voice')),
    name,
    same_as: number(countOr(i['same_as'], 0)),
  };
}

function readIceServer(v: unknown): IceServer {
  const s = fields(v, 'ice server');
  const bounded = (t: string) => {
    if (t.length > maxIceText) throw new ShapeError('ice server is too long');
    return t;
  };
  const url = (u: unknown) => {
    const t = bounded(text(u, 'ice url'));
    if (!/^(turns?|stun):/.test(t)) throw new ShapeError('ice url of another kind');
    return t;
  };
  return {
    urls: list(s['urls'], url, 'ice urls', maxIceUrls),
    username: bounded(textOr(s['username'], '')),
    credential: bounded(textOr(s['credential'], '')),
  };
}

function readRoomState(v: unknown): RoomState {
  const r = fields(v, 'room state');
  return {
    locked: flagOr(r['locked'], false),
    lobby: flagOr(r['lobby'], false),
    share: oneOf(r['share'] ?? 'everybody', sharings, 'share'),
    share_replaces: flagOr(r['share_replaces'], false),
    max_people: countOr(r['max_people'], 0),
    hands: list(r['hands'], (h) => named(h, 'hand'), 'hands', maxPeers),
    waiting: list(r['waiting'], readWaiter, 'waiting', maxWaiting),
  };
}

function readWaiter(v: unknown): Waiter {
  const w = fields(v, 'waiter');
  return {
    participant: named(w['participant'], 'participant'),
    name: textOr(w['name'], ''),
    since_unix_ms: countOr(w['since_unix_ms'], 0),
  };
}

function readWaiting(v: unknown): WaitingInfo {
  const w = fields(v, 'waiting');
  return {
    room: textOr(w['room'], ''),
    room_name: textOr(w['room_name'], ''),
    token: text(w['token'], 'token'),
    organizer: flagOr(w['organizer'], false),
  };
}

function readChat(v: unknown): ChatMessage {
  const c = fields(v, 'chat message');
  const written = text(c['text'], 'chat text');
  if (written.length > maxChatText) throw new ShapeError('chat text is too long');
  return {
    id: count(c['id'], 'id'),
    participant: named(c['participant'], 'participant'),
    name: textOr(c['name'], ''),
    text: written,
    at_unix_ms: countOr(c['at_unix_ms'], 0),
  };
}

function readModeration(v: unknown): Moderation {
  const m = fields(v, 'moderation');
  return { action: text(m['action'], 'action'), source: textOr(m['source'], ''), by_name: textOr(m['by_name'], '') };
}

function readPeer(v: unknown): Peer {
  const p = fields(v, 'peer');
  return {
    participant: named(p['participant'], 'participant'),
    name: textOr(p['name'], ''),
    role: oneOf(p['role'], roles, 'role'),
    order: count(p['order'], 'order'),
    sources: list(p['sources'], (s) => oneOf(s, sources, 'source'), 'sources', 16),
    opt_out: flagOr(p['opt_out'], false),
    present: flagOr(p['present'], true),
    captioner: flagOr(p['captioner'], false),
    room_mic: flagOr(p['room_mic'], false),
    headcount: countOr(p['headcount'], 0),
  };
}

function readSlot(v: unknown): MediaSlot {
  const s = fields(v, 'slot');
  const paused = pauses.find((p) => p === s['paused']);
  return {
    mid: text(s['mid'], 'mid'),
    kind: oneOf(s['kind'], ['audio', 'video'] as const, 'kind'),
    participant: textOr(s['participant'], ''),
    source: textOr(s['source'], ''),
    ...(paused ? { paused } : {}),
  };
}

function readLoad(v: unknown): LoadState {
  return { state: oneOf(fields(v, 'load')['state'], loads, 'load') };
}

function readCandidate(v: unknown): Candidate {
  const c = fields(v, 'candidate');
  const mid = c['sdpMid'];
  const line = c['sdpMLineIndex'];
  const fragment = c['usernameFragment'];
  return {
    candidate: text(c['candidate'], 'candidate'),
    ...(typeof mid === 'string' ? { sdpMid: mid } : {}),
    ...(typeof line === 'number' ? { sdpMLineIndex: line } : {}),
    ...(typeof fragment === 'string' ? { usernameFragment: fragment } : {}),
  };
}

function readAI(v: unknown): AIState {
  const a = fields(v, 'ai');
  return { policy: readPolicy(a['policy']), status: readStatus(a['status']) };
}

function readPolicy(v: unknown): Policy {
  const p = fields(v, 'policy');
  return {
    level: oneOf(p['level'], levels, 'level'),
    ceiling: oneOf(p['ceiling'], levels, 'ceiling'),
    by_name: textOr(p['by_name'], ''),
    at_ms: countOr(p['at_ms'], 0),
    keep_audio: flagOr(p['keep_audio'], false),
    langs: list(p['langs'], (l) => text(l, 'language'), 'langs', 128),
  };
}

function readStatus(v: unknown): Status {
  const s = fields(v, 'status');
  return {
    state: oneOf(s['state'], captionStates, 'state'),
    reason: textOr(s['reason'], ''),
    lag_ms: Math.max(0, countOr(s['lag_ms'], 0)),
    engine: textOr(s['engine'], ''),
    load: Math.min(3, Math.max(0, countOr(s['load'], 0))),
  };
}
