// The REST API under /api/v1: one function for each call the client makes, one reader for each answer. schema.ts, which is
// made of openapi.json, says what is sent and how fields are called; what comes is checked here all the same.

import {
  auditQuery,
  readAudit,
  readCapacity,
  readDeliveries,
  readModels,
  readNewToken,
  readNewWebhook,
  readTokens,
  readWebhooks,
  type ApiToken,
  type AuditFilter,
  type AuditPage,
  type Capacity,
  type Deliveries,
  type Models,
  type NewToken,
  type NewWebhook,
  type TokenScope,
  type Webhooks,
} from './administration';
import { levels, roles, type Level, type Role } from './level';
import { type Deletion, type Retention, readDeletion, readRetention } from './retention';
import type { components, operations } from './schema';
import { count, countOr, fields, flagOr, isFields, list, oneOf, text, textOr, type Unchecked } from './shape';
import { sharings, type Sharing } from './signal';

type Schemas = components['schemas'];

/** What the operation of this ID takes. */
type Body<ID extends keyof operations> = operations[ID] extends {
  readonly requestBody: { readonly content: { readonly 'application/json': infer B } };
}
  ? B
  : never;

const base = '/api/v1';
const longestPage = 200;
/** No installation has more rooms than pages of this number hold. */
const mostPages = 100;
const problemPrefix = 'urn:souffleur:problem:';

/** An answer that is not a success. code is the stable word of the problem (RFC 9457 type), '' if there is none. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** When to try again, in seconds from the answer; undefined: the server did not say. */
    readonly retryAfterS: number | undefined = undefined,
  ) {
    super(`status ${status} ${code}`);
  }
}

export interface Me {
  readonly person: string;
  readonly name: string;
  readonly admin: boolean;
  readonly canCreateRooms: boolean;
  readonly version: string;
  /** '' if the provider gave none that can be trusted. */
  readonly email: string;
  /** Whether this is somebody who has signed in with the identity provider. */
  readonly signedIn: boolean;
  /** Where people sign in; undefined if nobody can. */
  readonly signIn: SignIn | undefined;
}

/** The identity provider. */
export interface SignIn {
  readonly name: string;
  /** Path to open in the browser. */
  readonly url: string;
}

export const accesses = ['public', 'signed-in', 'restricted'] as const;
export type AccessLevel = (typeof accesses)[number];

/** What a room's access means for the reader: may join, has to sign in, is no member, or waits in the lobby. */
export const entries = ['open', 'sign-in', 'not-member', 'knock'] as const;
export type Entry = (typeof entries)[number];

/** Who may join a room. */
export interface Access {
  readonly access: AccessLevel;
  /** E-mail addresses. */
  readonly members: readonly string[];
}

/** Lets whoever signs in with an address read a meeting. */
export interface Share {
  readonly id: string;
  readonly address: string;
  readonly atUnixMs: number;
}

export const ceilings = ['inherit', ...levels] as const;
export type Ceiling = (typeof ceilings)[number];

export interface Room {
  readonly id: string;
  readonly name: string;
  readonly level: Level;
  readonly ceiling: Ceiling;
  readonly effectiveCeiling: Level;
  readonly effectiveLevel: Level;
  /** The organizers' choice. */
  readonly keepAudio: boolean;
  /** Whether an admin allows it. */
  readonly mayKeepAudio: boolean;
  /** Whether sound is kept as things are. */
  readonly keepsAudio: boolean;
  readonly langs: readonly string[];
  /** Only organizers read it. */
  readonly glossary: readonly string[];
  /** The room's own; only organizers read it. */
  readonly retention: Retention;
  /** The server's, which holds in every room; only organizers read it. */
  readonly retentionLimit: Retention;
  /** What holds in the room. */
  readonly effectiveRetention: Retention;
  /** Only admins read it. */
  readonly engines: Engines;
  /** Whether voices at shared microphones are told apart; only admins read it. */
  readonly voicesApart: boolean;
  readonly role: Role;
  readonly live:
    | {
        readonly meeting: string;
        readonly people: number;
        readonly sinceUnixMs: number;
        /** Nobody new comes in. */
        readonly locked: boolean;
        /** Newcomers wait until somebody lets them in. */
        readonly lobby: boolean;
      }
    | undefined;
  readonly joinUrl: string;
  /** End-to-end encrypted: without AI, and only for those who have the secret of the link. */
  readonly e2ee: boolean;
  readonly rules: Rules;
  readonly access: AccessLevel;
  readonly entry: Entry;
  /** Names the settings as they were read, for a change of them; '' where rooms are listed. */
  readonly etag: string;
}

/** How people live together in a room. */
export interface Rules {
  readonly lobby: boolean;
  /** 0: as many as the server allows. */
  readonly maxPeople: number;
  readonly share: Sharing;
  readonly shareReplaces: boolean;
  /** Who comes late and is no organizer does not read what was said before. */
  readonly latePrivate: boolean;
}

/** A part of a list. */
export interface Paged<T> {
  readonly entries: readonly T[];
  /** What to go on with, '' at the end. */
  readonly next: string;
}

export interface CreatedRoom {
  readonly room: string;
  readonly joinUrl: string;
  readonly organizerUrl: string;
}

/** How somebody comes in. */
export interface JoinRequest {
  readonly name: string;
  /** We encrypt end to end; it must be what the room is. */
  readonly e2ee?: boolean;
  /** What the page said of the AI (see notice.ts); the server refuses with "notice-needed" where it does more. */
  readonly notice?: string;
  /** Do not transcribe me, from the first packet on. */
  readonly optOut?: boolean;
  /** How many are at this microphone, 0 if that is not known; undefined: one. */
  readonly roomMic?: number | undefined;
}

export interface Joined {
  readonly token: string;
  readonly ws: string;
}

export interface MeetingEntry {
  readonly id: string;
  readonly room: string;
  readonly roomName: string;
  readonly beganUnixMs: number;
  /** 0 while it goes on. */
  readonly endedUnixMs: number;
  readonly people: readonly string[];
  readonly final: boolean;
  /** An organizer keeps it beyond the room's retention. */
  readonly kept: boolean;
  /** When it is deleted by itself; undefined if it is not. */
  readonly deletion: Deletion | undefined;
  /** It was shared with the reader, who may not change or delete it. */
  readonly shared: boolean;
}

export interface Speaker {
  readonly participant: string;
  readonly name: string;
  readonly order: number;
  /** Name and words were deleted. */
  readonly forgotten: boolean;
}

/** What somebody who took part in a meeting may know of it. */
export interface Mine {
  readonly roomName: string;
  readonly name: string;
  readonly beganUnixMs: number;
  readonly endedUnixMs: number;
  readonly deletable: boolean;
}

export interface Segment {
  readonly seg: string;
  readonly spk: string;
  /** The track it was heard on. */
  readonly track: string;
  /** Room clock, ms. */
  readonly t0: number;
  readonly t1: number;
  readonly lang: string;
  readonly text: string;
  /** Sound was lost here; there is no text. */
  readonly gap: boolean;
  /** What was recognised, if somebody corrected it. */
  readonly original: Original | undefined;
  /** Who was taken for its speaker, if somebody gave it to another voice. */
  readonly assigned?: Assigned | undefined;
}

export interface Assigned {
  readonly spk: string;
  /** Who said who it is; '' if they were not in the meeting. */
  readonly byName: string;
  readonly atUnixMs: number;
}

export interface Original {
  readonly text: string;
  /** Who corrected it last; '' if they were not in the meeting. */
  readonly byName: string;
  readonly atUnixMs: number;
}

/** A name that somebody gave to a speaker; it goes before the one they joined with. */
export interface GivenName {
  readonly spk: string;
  readonly name: string;
}

export interface Transcript {
  readonly people: readonly Speaker[];
  readonly names: readonly GivenName[];
  readonly segments: readonly Segment[];
  readonly final: boolean;
  /** Stored pieces that do not open any more: what stood there is missing. */
  readonly damaged: number;
  /** Names this version, for edits; '' until the transcript is final. */
  readonly etag: string;
}

/** What an edit changes: texts of segments, their speakers, and names of speakers; null goes back to what was recognised. */
export interface TranscriptEdit {
  readonly segments?: readonly { readonly seg: string; readonly text: string | null }[];
  readonly names?: readonly { readonly spk: string; readonly name: string | null }[];
  readonly speakers?: readonly { readonly seg: string; readonly spk: string | null }[];
}

/** What an edit made: the segments it named, and all names given. */
export interface Edited {
  readonly etag: string;
  readonly names: readonly GivenName[];
  readonly segments: readonly Segment[];
}

/** Code points of a text, [from, to). */
export interface Mark {
  readonly from: number;
  readonly to: number;
}

/** A segment that was found. */
export interface Hit {
  readonly seg: string;
  /** Of the speaker, '' if unknown. */
  readonly name: string;
  /** Room clock, ms. */
  readonly t0: number;
  readonly lang: string;
  readonly text: string;
  readonly marks: readonly Mark[];
}

/** A meeting in which something was found. */
export interface Found {
  readonly meeting: string;
  readonly room: string;
  readonly roomName: string;
  readonly beganUnixMs: number;
  /** Segments that match; hits are the first of them. */
  readonly matches: number;
  readonly hits: readonly Hit[];
}

export interface SearchAnswer {
  readonly meetings: readonly Found[];
  readonly totalMeetings: number;
  readonly totalSegments: number;
  /** Whether the totals are exact; else they are the most there can be. */
  readonly exact: boolean;
  /** What to go on with, '' at the end. */
  readonly next: string;
  /** How far the index is, while it is being made. */
  readonly indexing: { readonly done: number; readonly of: number } | undefined;
}

/** What was kept of one track as sound. Its time is the room clock. */
export interface KeptTrack {
  readonly track: string;
  /** '' if it is not known any more. */
  readonly participant: string;
  /** Of the first sound, ms. */
  readonly fromMs: number;
  /** The end, ms. */
  readonly toMs: number;
}

export const roomCreations = ['anyone', 'signed-in', 'admin'] as const;
export type RoomCreation = (typeof roomCreations)[number];

export interface Instance {
  readonly ceiling: Level;
  readonly roomCreation: RoomCreation;
  /** Whether organizers may keep sound. */
  readonly keepAudio: boolean;
  /** How long things are kept at most, in every room. */
  readonly retention: Retention;
  /** Speech engines that may be chosen for rooms. */
  readonly engines: readonly string[];
  /** Whether voices at shared microphones are told apart, where the room does not say otherwise. */
  readonly voicesApart: boolean;
}

/** Speech engines of a room by what they are asked for; '' leaves it to the installation. */
export interface Engines {
  readonly partials: string;
  readonly finals: string;
}

export interface Part {
  readonly state: string;
  readonly message: string;
  readonly engine: string;
  readonly workers: number | undefined;
  readonly lagMs: number | undefined;
}

export interface SystemStatus {
  readonly asr: Part;
  readonly bus: Part;
  readonly storage: Part;
  /** Of the embedded servers; undefined where there are none. */
  readonly disk: Part | undefined;
  readonly roomsLive: number;
  readonly people: number;
  readonly load: LoadStatus;
  readonly capacity: Capacity;
}

export const loadStates = ['normal', 'thumbnails', 'audio', 'refusing'] as const;
export const loadCauses = ['cpu', 'late', 'uplink', 'socket'] as const;

/** How loaded the machine is, and what it gives up because of that. */
export interface LoadStatus {
  readonly state: (typeof loadStates)[number];
  /** Of state; 0: nothing is watched. */
  readonly sinceUnixMs: number;
  /** What ran short; undefined in normal. */
  readonly cause: (typeof loadCauses)[number] | undefined;
  /** Percent of the processor time that the process could get. */
  readonly cpu: number;
  readonly lateMs: number;
  readonly egressKbps: number;
}

export const exportFormats = ['docx', 'txt', 'md', 'vtt', 'srt', 'json'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export class Api {
  readonly #fetch: typeof fetch;

  constructor(send: typeof fetch = (input, init) => fetch(input, init)) {
    this.#fetch = send;
  }

  async me(): Promise<Me> {
    return readMe(await this.#call('GET', '/me'));
  }

  async redeemLink(secret: string): Promise<{ admin: boolean; room: string }> {
    const body: Body<'redeem-link'> = { token: secret };
    const answer = fields<Schemas['LinkOutputBody']>(await this.#call('POST', '/session/link', body), 'link');
    return { admin: flagOr(answer['admin'], false), room: textOr(answer['room'], '') };
  }

  /** Returns where to go on to, so that the sign-in ends at the identity provider, too; '' if there is nothing to end. */
  async signOut(): Promise<string> {
    const url = textOr(
      fields<Schemas['SignOutOutputBody']>(await this.#call('DELETE', '/session'), 'sign-out').url,
      '',
    );
    return /^https?:\/\//.test(url) ? url : '';
  }

  /** Sent again with the same key, it gives the room that was made the first time. */
  async createRoom(name: string, e2ee = false, key = ''): Promise<CreatedRoom> {
    const body: Body<'create-room'> = { name, e2ee };
    return readCreated((await this.#ask('POST', '/rooms', body, keyed(key))).value);
  }

  /** All rooms, for choices among them. */
  async rooms(): Promise<Room[]> {
    const all: Room[] = [];
    let next = '';
    for (let page = 0; page < mostPages; page++) {
      const entries = await this.roomPage(next, longestPage);
      all.push(...entries.entries);
      if (entries.next === '') break;
      next = entries.next;
    }
    return all;
  }

  /** The newest rooms, or those that follow another page. */
  async roomPage(after = '', limit = 50): Promise<Paged<Room>> {
    const said = await this.#call('GET', `/rooms?${paging(after, limit)}`);
    const answer = fields<Schemas['ListRoomsOutputBody']>(said, 'rooms');
    return { entries: list(answer['rooms'], (r) => readRoom(r), 'rooms'), next: textOr(answer['next'], '') };
  }

  async room(room: string): Promise<Room> {
    const { value, etag } = await this.#ask('GET', `/rooms/${part(room)}`);
    return readRoom(value, etag);
  }

  async deleteRoom(room: string): Promise<void> {
    await this.#call('DELETE', `/rooms/${part(room)}`);
  }

  async organize(room: string, secret: string): Promise<void> {
    const body: Body<'organize-room'> = { secret };
    await this.#call('POST', `/rooms/${part(room)}/organize`, body);
  }

  /** Makes a new organizer link; the one before stops working. */
  async organizerLink(room: string): Promise<string> {
    const said = await this.#call('POST', `/rooms/${part(room)}/organizer-link`);
    const answer = fields<Schemas['OrganizerLinkOutputBody']>(said, 'organizer link');
    return text(answer['organizer_url'], 'organizer_url');
  }

  async setLevel(room: string, level: Level): Promise<void> {
    const body: Body<'set-ai-level'> = { level };
    await this.#call('PUT', `/rooms/${part(room)}/ai`, body);
  }

  async setKeepAudio(room: string, keep: boolean): Promise<void> {
    const body: Body<'set-keep-audio'> = { keep };
    await this.#call('PUT', `/rooms/${part(room)}/audio`, body);
  }

  async setE2EE(room: string, on: boolean): Promise<void> {
    const body: Body<'set-e2ee'> = { on };
    await this.#call('PUT', `/rooms/${part(room)}/e2ee`, body);
  }

  // With the ETag of what somebody had before them when they chose, the following are refused with "changed-meanwhile" if
  // somebody else was first.

  /** Tells recognisers what is spoken in the room; the list of languages may be empty: any. */
  async describeSpeech(
    room: string,
    speech: { langs: readonly string[]; glossary: readonly string[] },
    etag = '',
  ): Promise<void> {
    const body: Body<'change-room'> = speech;
    await this.#ask('PATCH', `/rooms/${part(room)}`, body, ifMatch(etag));
  }

  /** Returns the name of the settings as they are then, for a further change of them. */
  async setRules(room: string, rules: Rules, etag = ''): Promise<string> {
    const { lobby, maxPeople, share, shareReplaces, latePrivate } = rules;
    const body: Body<'change-room'> = {
      rules: {
        lobby,
        max_people: maxPeople,
        share,
        share_replaces: shareReplaces,
        late_private: latePrivate,
      },
    };
    return (await this.#ask('PATCH', `/rooms/${part(room)}`, body, ifMatch(etag))).etag;
  }

  async setCeiling(room: string, ceiling: Ceiling): Promise<void> {
    const body: Body<'set-ai-ceiling'> = { ceiling };
    await this.#call('PUT', `/rooms/${part(room)}/ceiling`, body);
  }

  async setEngines(room: string, engines: Engines): Promise<void> {
    const body: Body<'set-engines'> = engines;
    await this.#call('PUT', `/rooms/${part(room)}/engines`, body);
  }

  /** Says whether voices at shared microphones are told apart in a room. */
  async setVoices(room: string, apart: boolean): Promise<void> {
    const body: Body<'set-voices'> = { apart };
    await this.#call('PUT', `/rooms/${part(room)}/voices`, body);
  }

  async setRetention(room: string, retention: Retention, etag = ''): Promise<void> {
    await this.#ask('PUT', `/rooms/${part(room)}/retention`, writtenRetention(retention), ifMatch(etag));
  }

  async endMeeting(room: string): Promise<void> {
    await this.#call('POST', `/rooms/${part(room)}/end`);
  }

  async join(room: string, entry: JoinRequest): Promise<Joined> {
    const { name, e2ee = false, notice = '', optOut = false, roomMic } = entry;
    const several = roomMic === undefined ? {} : { room_mic: true, headcount: roomMic };
    const body: Body<'join-room'> = { name, e2ee, notice, opt_out: optOut, ...several };
    const said = await this.#call('POST', `/rooms/${part(room)}/join`, body);
    const answer = fields<Schemas['JoinOutputBody']>(said, 'join');
    return { token: text(answer['token'], 'token'), ws: textOr(answer['ws'], `${base}/signal`) };
  }

  /** The newest meetings, or those that follow another page. */
  async meetings(after = '', limit = 50): Promise<Paged<MeetingEntry>> {
    const said = await this.#call('GET', `/meetings?${paging(after, limit)}`);
    const answer = fields<Schemas['ListMeetingsOutputBody']>(said, 'meetings');
    return { entries: list(answer['meetings'], readMeeting, 'meetings'), next: textOr(answer['next'], '') };
  }

  async meeting(id: string): Promise<MeetingEntry> {
    return readMeeting(await this.#call('GET', `/meetings/${part(id)}`));
  }

  /** What each participant of a meeting knew of the AI, by time. */
  async consents(id: string): Promise<Consent[]> {
    const m = fields<Schemas['MeetingBody']>(await this.#call('GET', `/meetings/${part(id)}`), 'meeting');
    return list(m['consents'], readConsent, 'consents');
  }

  async transcript(id: string, reason = ''): Promise<Transcript> {
    const { value, etag } = await this.#ask('GET', `/meetings/${part(id)}/transcript${withReason(reason)}`);
    return readTranscript(value, etag);
  }

  /** Changes the version that etag names; 412 "edited-meanwhile" if it is not the newest any more. */
  async editTranscript(id: string, etag: string, edit: TranscriptEdit, reason = ''): Promise<Edited> {
    const path = `/meetings/${part(id)}/transcript${withReason(reason)}`;
    const body: Body<'edit-transcript'> = edit;
    const answer = await this.#ask('PATCH', path, body, { 'if-match': etag });
    return readEdited(answer.value, answer.etag);
  }

  /** Makes an ended meeting of a transcript that was exported as JSON; once, however often it is sent with one key. */
  async importMeeting(room: string, file: Blob, key = ''): Promise<MeetingEntry> {
    return readMeeting((await this.#ask('POST', `/rooms/${part(room)}/meetings`, file, keyed(key))).value);
  }

  /** Finds what was said: from the newest meeting, or after the one where the last answer ended, or in one meeting. */
  async search(query: string, where: { after?: string; meeting?: string } = {}): Promise<SearchAnswer> {
    return readSearch(await this.#call('GET', `/search?${new URLSearchParams({ q: query, ...where })}`));
  }

  async deleteMeeting(id: string, reason = ''): Promise<void> {
    await this.#call('DELETE', `/meetings/${part(id)}${withReason(reason)}`);
  }

  async keptAudio(id: string, reason = ''): Promise<KeptTrack[]> {
    const said = await this.#call('GET', `/meetings/${part(id)}/audio${withReason(reason)}`);
    const answer = fields<Schemas['ListAudioOutputBody']>(said, 'audio');
    return list(answer['tracks'], readKeptTrack, 'tracks');
  }

  /** Address of the sound of a track, for an audio element. */
  audioUrl(id: string, track: string, reason: string): string {
    return `${base}/meetings/${part(id)}/audio/${part(track)}${withReason(reason)}`;
  }

  /** Keeps a meeting beyond its room's retention, or no longer. */
  async keepMeeting(id: string, kept: boolean): Promise<MeetingEntry> {
    const body: Body<'keep-meeting'> = { kept };
    return readMeeting(await this.#call('PUT', `/meetings/${part(id)}/kept`, body));
  }

  /** Deletes what one participant said, and their name. */
  async forgetParticipant(id: string, participant: string, reason = ''): Promise<void> {
    await this.#call('DELETE', `/meetings/${part(id)}/people/${part(participant)}${withReason(reason)}`);
  }

  async mine(id: string): Promise<Mine> {
    return readMine(await this.#call('GET', `/meetings/${part(id)}/mine`));
  }

  /** Deletes what I said. */
  async forgetMine(id: string): Promise<void> {
    await this.#call('DELETE', `/meetings/${part(id)}/mine`);
  }

  /** Address of a download: an ordinary link, so that the browser names and saves the file. */
  exportUrl(id: string, format: ExportFormat, lang: string, reason: string): string {
    const query = new URLSearchParams({ format, lang, ...(reason === '' ? {} : { reason }) });
    return `${base}/meetings/${part(id)}/export?${query}`;
  }

  async instance(): Promise<Instance> {
    return readInstance(await this.#call('GET', '/instance'));
  }

  async setInstance(change: {
    ceiling?: Level;
    room_creation?: RoomCreation;
    keep_audio?: boolean;
    voices_apart?: boolean;
    retention?: Retention;
  }): Promise<void> {
    const { retention, ...rest } = change;
    const body: Body<'change-instance'> = retention ? { ...rest, retention: writtenRetention(retention) } : rest;
    await this.#call('PATCH', '/instance', body);
  }

  async status(): Promise<SystemStatus> {
    return readSystemStatus(await this.#call('GET', '/status'));
  }

  async access(room: string): Promise<Access> {
    return readAccess(await this.#call('GET', `/rooms/${part(room)}/access`));
  }

  async setAccess(room: string, access: Access, etag = ''): Promise<void> {
    const body: Body<'set-access'> = access;
    await this.#ask('PUT', `/rooms/${part(room)}/access`, body, ifMatch(etag));
  }

  async shares(meeting: string): Promise<Share[]> {
    return readShares(await this.#call('GET', `/meetings/${part(meeting)}/shares`));
  }

  /** Lets people read a meeting; returns everybody who may. */
  async share(meeting: string, addresses: readonly string[]): Promise<Share[]> {
    const body: Body<'share-meeting'> = { addresses };
    return readShares(await this.#call('POST', `/meetings/${part(meeting)}/shares`, body));
  }

  async withdraw(meeting: string, share: string): Promise<Share[]> {
    return readShares(await this.#call('DELETE', `/meetings/${part(meeting)}/shares/${part(share)}`));
  }

  async webhooks(): Promise<Webhooks> {
    return readWebhooks(await this.#call('GET', '/webhooks'));
  }

  async createWebhook(url: string, events: readonly string[]): Promise<NewWebhook> {
    const body: Body<'create-webhook'> = { url, events };
    return readNewWebhook(await this.#call('POST', '/webhooks', body));
  }

  async setWebhook(id: string, change: { url?: string; events?: readonly string[]; active?: boolean }): Promise<void> {
    const body: Body<'change-webhook'> = change;
    await this.#call('PATCH', `/webhooks/${part(id)}`, body);
  }

  async deleteWebhook(id: string): Promise<void> {
    await this.#call('DELETE', `/webhooks/${part(id)}`);
  }

  /** Makes a new secret; for a day the one before signs, too. */
  async rotateWebhook(id: string): Promise<NewWebhook> {
    return readNewWebhook(await this.#call('POST', `/webhooks/${part(id)}/secret`));
  }

  async testWebhook(id: string): Promise<void> {
    await this.#call('POST', `/webhooks/${part(id)}/test`);
  }

  async deliveries(id: string, after = ''): Promise<Deliveries> {
    const query = after === '' ? '' : `?${new URLSearchParams({ after })}`;
    return readDeliveries(await this.#call('GET', `/webhooks/${part(id)}/deliveries${query}`));
  }

  async replay(id: string, delivery: string): Promise<void> {
    await this.#call('POST', `/webhooks/${part(id)}/deliveries/${part(delivery)}/replay`);
  }

  async tokens(): Promise<ApiToken[]> {
    return readTokens(await this.#call('GET', '/tokens'));
  }

  /** days: how long it works; 0: until it is revoked. */
  async createToken(name: string, scope: TokenScope, days: number): Promise<NewToken> {
    const body: Body<'create-token'> = { name, scope, days };
    return readNewToken(await this.#call('POST', '/tokens', body));
  }

  async revokeToken(id: string): Promise<void> {
    await this.#call('DELETE', `/tokens/${part(id)}`);
  }

  async audit(filter: AuditFilter, after = ''): Promise<AuditPage> {
    return readAudit(await this.#call('GET', `/audit${auditQuery(filter, after)}`));
  }

  async models(): Promise<Models> {
    return readModels(await this.#call('GET', '/models'));
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    return (await this.#ask(method, path, body)).value;
  }

  /** Sends a question; a body that is a file goes as it is. */
  async #ask(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...more };
    const content = body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body), headers };
    const answer = await this.#send(base + path, { method, credentials: 'same-origin', ...content });
    const said = await answer.text();
    if (!answer.ok) throw readProblem(answer.status, said, readRetryAfter(answer.headers.get('retry-after')));
    const value: unknown = said === '' ? undefined : JSON.parse(said);
    return { value, etag: answer.headers.get('etag') ?? '' };
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch {
      throw new ApiError(0, 'network', '');
    }
  }
}

interface Answer {
  readonly value: unknown;
  readonly etag: string;
}

function part(id: string): string {
  return encodeURIComponent(id);
}

function writtenRetention(r: Retention): Schemas['RetentionBody'] {
  return { audio_days: r.audioDays, text_days: r.textDays, minutes_days: r.minutesDays };
}

function paging(after: string, limit: number): URLSearchParams {
  return new URLSearchParams({ limit: String(limit), ...(after === '' ? {} : { after }) });
}

function keyed(key: string): Record<string, string> {
  return key === '' ? {} : { 'idempotency-key': key };
}

function ifMatch(etag: string): Record<string, string> {
  return etag === '' ? {} : { 'if-match': etag };
}

/** Whether a change was refused because somebody else was first. */
export function isOutdated(reason: unknown): boolean {
  return reason instanceof ApiError && reason.code === 'changed-meanwhile';
}

function withReason(reason: string): string {
  return reason === '' ? '' : `?${new URLSearchParams({ reason })}`;
}

function readProblem(status: number, said: string, retryAfterS: number | undefined): ApiError {
  try {
    const p: unknown = JSON.parse(said);
    if (!isFields(p)) return new ApiError(status, '', '', retryAfterS);
    const type = textOr(p['type'], '');
    const code = type.startsWith(problemPrefix) ? type.slice(problemPrefix.length) : '';
    return new ApiError(status, code, textOr(p['detail'], ''), retryAfterS);
  } catch {
    return new ApiError(status, '', '', retryAfterS);
  }
}

/** Reads a Retry-After header in its form of seconds. */
function readRetryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}

export function readMe(v: unknown): Me {
  const m = fields<Schemas['MeBody']>(v, 'me');
  return {
    person: textOr(m['person'], ''),
    name: textOr(m['name'], ''),
    admin: flagOr(m['admin'], false),
    canCreateRooms: flagOr(m['can_create_rooms'], false),
    version: textOr(m['version'], ''),
    email: textOr(m['email'], ''),
    signedIn: flagOr(m['signed_in'], false),
    signIn: isFields(m['sign_in']) ? readSignIn(m['sign_in']) : undefined,
  };
}

function readSignIn(v: unknown): SignIn {
  const s = fields<Schemas['SignInBody']>(v, 'sign-in');
  return { name: text(s['name'], 'name'), url: text(s['url'], 'url') };
}

function readAccess(v: unknown): Access {
  const a = fields<Schemas['AccessBody']>(v, 'access');
  return {
    access: oneOf(a['access'], accesses, 'access'),
    members: list(a['members'], (m) => text(m, 'member'), 'members', 500),
  };
}

function readShares(v: unknown): Share[] {
  return list(fields<Schemas['SharesOutputBody']>(v, 'shares')['shares'], readShare, 'shares', 200);
}

function readShare(v: unknown): Share {
  const s = fields<Schemas['ShareBody']>(v, 'share');
  return {
    id: text(s['id'], 'id'),
    address: text(s['address'], 'address'),
    atUnixMs: count(s['at_unix_ms'], 'at_unix_ms'),
  };
}

export function readCreated(v: unknown): CreatedRoom {
  const c = fields<Schemas['CreateRoomOutputBody']>(v, 'created room');
  return {
    room: readRoom(c['room']).id,
    joinUrl: text(c['join_url'], 'join_url'),
    organizerUrl: text(c['organizer_url'], 'organizer_url'),
  };
}

export function readRoom(v: unknown, etag = ''): Room {
  const r = fields<Schemas['RoomBody']>(v, 'room');
  const live = isFields(r['live']) ? fields<Schemas['LiveBody']>(r['live'], 'live') : undefined;
  return {
    id: text(r['id'], 'room id'),
    name: textOr(r['name'], ''),
    level: oneOf(r['level'], levels, 'level'),
    ceiling: oneOf(r['ceiling'], ceilings, 'ceiling'),
    effectiveCeiling: oneOf(r['effective_ceiling'], levels, 'effective_ceiling'),
    effectiveLevel: oneOf(r['effective_level'], levels, 'effective_level'),
    keepAudio: flagOr(r['keep_audio'], false),
    mayKeepAudio: flagOr(r['may_keep_audio'], false),
    keepsAudio: flagOr(r['keeps_audio'], false),
    langs: list(r['langs'], (l) => text(l, 'language'), 'langs'),
    glossary: list(r['glossary'] ?? [], (g) => text(g, 'term'), 'glossary'),
    retention: readRetention(r['retention']),
    retentionLimit: readRetention(r['retention_limit']),
    effectiveRetention: readRetention(r['effective_retention']),
    engines: readEngines(r['engines']),
    voicesApart: flagOr(r['voices_apart'], true),
    role: oneOf(r['role'], roles, 'role'),
    live: live
      ? {
          meeting: textOr(live['meeting'], ''),
          people: countOr(live['people'], 0),
          sinceUnixMs: countOr(live['since_unix_ms'], 0),
          locked: flagOr(live['locked'], false),
          lobby: flagOr(live['lobby'], false),
        }
      : undefined,
    joinUrl: textOr(r['join_url'], ''),
    e2ee: flagOr(r['e2ee'], false),
    rules: readRules(r['rules'] ?? {}),
    access: accesses.find((a) => a === r['access']) ?? 'public',
    entry: entries.find((e) => e === r['entry']) ?? 'open',
    etag,
  };
}

function readRules(v: unknown): Rules {
  const r = fields<Schemas['RulesBody']>(v, 'rules');
  return {
    lobby: flagOr(r['lobby'], false),
    maxPeople: countOr(r['max_people'], 0),
    share: oneOf(r['share'] ?? 'everybody', sharings, 'share'),
    shareReplaces: flagOr(r['share_replaces'], false),
    latePrivate: flagOr(r['late_private'], false),
  };
}

export function readMeeting(v: unknown): MeetingEntry {
  const m = fields<Schemas['MeetingBody']>(v, 'meeting');
  return {
    id: text(m['id'], 'meeting id'),
    room: textOr(m['room'], ''),
    roomName: textOr(m['room_name'], ''),
    beganUnixMs: count(m['began_unix_ms'], 'began_unix_ms'),
    endedUnixMs: countOr(m['ended_unix_ms'], 0),
    people: list(m['people'], (p) => text(p, 'name'), 'people'),
    final: flagOr(m['final'], false),
    kept: flagOr(m['kept'], false),
    deletion: readDeletion(m['deletion']),
    shared: flagOr(m['shared'], false),
  };
}

export function readMine(v: unknown): Mine {
  const m = fields<Schemas['MineOutputBody']>(v, 'mine');
  return {
    roomName: textOr(m['room_name'], ''),
    name: textOr(m['name'], ''),
    beganUnixMs: count(m['began_unix_ms'], 'began_unix_ms'),
    endedUnixMs: countOr(m['ended_unix_ms'], 0),
    deletable: flagOr(m['deletable'], false),
  };
}

export function readTranscript(v: unknown, etag = ''): Transcript {
  const t = fields<Schemas['TranscriptOutputBody']>(v, 'transcript');
  return {
    people: list(t['people'], readSpeaker, 'people'),
    names: list(t['names'], readName, 'names'),
    segments: list(t['segments'], readSegment, 'segments', 100_000),
    final: flagOr(t['final'], false),
    damaged: countOr(t['damaged'], 0),
    etag,
  };
}

function readEdited(v: unknown, etag: string): Edited {
  const e = fields<Schemas['EditTranscriptOutputBody']>(v, 'edit');
  return {
    etag,
    names: list(e['names'], readName, 'names'),
    segments: list(e['segments'], readSegment, 'segments'),
  };
}

function readName(v: unknown): GivenName {
  const n = fields<Schemas['NameBody']>(v, 'name');
  return { spk: text(n['spk'], 'spk'), name: text(n['name'], 'name') };
}

function readSpeaker(v: unknown): Speaker {
  const p = fields<Schemas['SpeakerBody']>(v, 'person');
  return {
    participant: text(p['participant'], 'participant'),
    name: textOr(p['name'], ''),
    order: countOr(p['order'], 0),
    forgotten: flagOr(p['forgotten'], false),
  };
}

function readSegment(v: unknown): Segment {
  const s = fields<Schemas['SegmentBody']>(v, 'segment');
  return {
    seg: text(s['seg'], 'seg'),
    spk: text(s['spk'], 'spk'),
    track: textOr(s['track'], ''),
    t0: count(s['t0'], 't0'),
    t1: count(s['t1'], 't1'),
    lang: textOr(s['lang'], ''),
    text: text(s['text'], 'text'),
    gap: s['quality'] === 'gap',
    original: isFields(s['original']) ? readOriginal(s['original']) : undefined,
    assigned: isFields(s['assigned']) ? readAssigned(s['assigned']) : undefined,
  };
}

function readAssigned(v: unknown): Assigned {
  const a = fields<Schemas['AssignedBody']>(v, 'assigned');
  return {
    spk: text(a['spk'], 'assigned speaker'),
    byName: textOr(a['by_name'], ''),
    atUnixMs: count(a['at_unix_ms'], 'at_unix_ms'),
  };
}

function readOriginal(v: unknown): Original {
  const o = fields<Schemas['OriginalBody']>(v, 'original');
  return {
    text: text(o['text'], 'original text'),
    byName: textOr(o['by_name'], ''),
    atUnixMs: count(o['at_unix_ms'], 'at_unix_ms'),
  };
}

export function readSearch(v: unknown): SearchAnswer {
  const s = fields<Schemas['SearchOutputBody']>(v, 'search');
  const indexing = isFields(s['indexing']) ? fields<Schemas['IndexingBody']>(s['indexing'], 'indexing') : undefined;
  return {
    meetings: list(s['meetings'], readFound, 'meetings', 50),
    totalMeetings: count(s['total_meetings'], 'total_meetings'),
    totalSegments: count(s['total_segments'], 'total_segments'),
    exact: flagOr(s['exact'], true),
    next: textOr(s['next'], ''),
    indexing: indexing ? { done: countOr(indexing['done'], 0), of: countOr(indexing['of'], 0) } : undefined,
  };
}

function readFound(v: unknown): Found {
  const f = fields<Schemas['FoundBody']>(v, 'found meeting');
  return {
    meeting: text(f['meeting'], 'meeting'),
    room: textOr(f['room'], ''),
    roomName: textOr(f['room_name'], ''),
    beganUnixMs: count(f['began_unix_ms'], 'began_unix_ms'),
    matches: count(f['matches'], 'matches'),
    hits: list(f['segments'], readHit, 'segments', 200),
  };
}

function readHit(v: unknown): Hit {
  const h = fields<Schemas['HitBody']>(v, 'found segment');
  return {
    seg: text(h['seg'], 'seg'),
    name: textOr(h['name'], ''),
    t0: count(h['t0'], 't0'),
    lang: textOr(h['lang'], ''),
    text: text(h['text'], 'text'),
    marks: list(h['marks'], readMark, 'marks', 1000),
  };
}

function readMark(v: unknown): Mark {
  const m = fields<Schemas['MarkBody']>(v, 'mark');
  return { from: count(m['from'], 'from'), to: count(m['to'], 'to') };
}

function readKeptTrack(v: unknown): KeptTrack {
  const k = fields<Schemas['AudioBody']>(v, 'kept track');
  return {
    track: text(k['track'], 'track'),
    participant: textOr(k['participant'], ''),
    fromMs: count(k['from_ms'], 'from_ms'),
    toMs: count(k['to_ms'], 'to_ms'),
  };
}

export function readInstance(v: unknown): Instance {
  const i = fields<Schemas['InstanceOutputBody']>(v, 'instance');
  return {
    ceiling: oneOf(i['ceiling'], levels, 'ceiling'),
    roomCreation: oneOf(i['room_creation'], roomCreations, 'room_creation'),
    keepAudio: flagOr(i['keep_audio'], false),
    retention: readRetention(i['retention']),
    engines: list(i['engines'] ?? [], (e) => text(e, 'engine'), 'engines'),
    voicesApart: flagOr(i['voices_apart'], true),
  };
}

function readEngines(v: unknown): Engines {
  const e: Unchecked<Schemas['EnginesBody']> = isFields(v) ? v : {};
  return { partials: textOr(e['partials'], ''), finals: textOr(e['finals'], '') };
}

export function readSystemStatus(v: unknown): SystemStatus {
  const s = fields<Schemas['SystemStatus']>(v, 'status');
  return {
    asr: readPart(s['asr']),
    bus: readPart(s['bus']),
    storage: readPart(s['storage']),
    disk: isFields(s['disk']) ? readPart(s['disk']) : undefined,
    roomsLive: countOr(s['rooms_live'], 0),
    people: countOr(s['people'], 0),
    load: readLoad(s['load']),
    capacity: readCapacity(s['capacity']),
  };
}

function readLoad(v: unknown): LoadStatus {
  const l: Unchecked<Schemas['LoadStatus']> = isFields(v) ? v : {};
  return {
    state: loadStates.find((s) => s === l['state']) ?? 'normal',
    sinceUnixMs: countOr(l['since_unix_ms'], 0),
    cause: loadCauses.find((c) => c === l['cause']),
    cpu: countOr(l['cpu'], 0),
    lateMs: countOr(l['late_ms'], 0),
    egressKbps: countOr(l['egress_kbps'], 0),
  };
}

function readPart(v: unknown): Part {
  const p: Unchecked<Schemas['PartStatus']> = isFields(v) ? v : {};
  const workers = p['workers'];
  const lag = p['lag_ms'];
  return {
    state: textOr(p['state'], ''),
    message: textOr(p['message'], ''),
    engine: textOr(p['engine'], ''),
    workers: typeof workers === 'number' ? workers : undefined,
    lagMs: typeof lag === 'number' ? lag : undefined,
  };
}

/** What one participant knew of the AI: by the notice before joining, or told in the meeting. */
export interface Consent {
  readonly participant: string;
  /** Version of the text; '' if told in the meeting. */
  readonly notice: string;
  readonly level: Level;
  readonly sound: boolean;
  readonly atUnixMs: number;
  readonly told: boolean;
}

function readConsent(v: unknown): Consent {
  const c = fields<Schemas['ConsentBody']>(v, 'consent');
  return {
    participant: text(c['participant'], 'participant'),
    notice: textOr(c['notice'], ''),
    level: oneOf(c['level'], levels, 'level'),
    sound: flagOr(c['sound'], false),
    atUnixMs: count(c['at_unix_ms'], 'at_unix_ms'),
    told: flagOr(c['told'], false),
  };
}
