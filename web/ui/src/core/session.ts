// One stay in a meeting: the signalling socket, the two peer connections, what we publish, the roster, the captions and
// the state of the AI. Views show its cells and call its methods; nothing here knows the screen.

import { afterGone } from './backoff';
import {
  capture,
  captureScreen,
  CaptureError,
  listDevices,
  shouldReopen,
  watchDevices,
  type CaptureKind,
  type ScreenTracks,
} from './capture';
import { CaptionStore } from './captions';
import { Cell, type Readable } from './cell';
import { ChatStore } from './chat';
import { Downlink, type DownlinkEvents } from './downlink';
import type { Encryption } from './e2ee';
import { Floor } from './floor';
import { House, shareRefusal } from './house';
import { mayRun, type Role } from './level';
import { QualityMeter, type Quality } from './quality';
import { Reactions } from './reactions';
import { Roster } from './roster';
import {
  sources,
  type AIState,
  type Caption,
  type ChatMessage,
  type Emoji,
  type Load,
  type ModerateMessage,
  type Moderation,
  type RoomState,
  type ServerMessage,
  type Source,
  type WaitingInfo,
  type Welcome,
} from './signal';
import { SignalSocket } from './socket';
import { LocalSource } from './source';
import { Uplink } from './uplink';
import { ViewReport } from './view';
import { VoiceStore } from './voices';

export type Phase =
  | { readonly name: 'connecting' | 'connected' | 'left' }
  /** At the door: somebody has to let us in. */
  | { readonly name: 'waiting' }
  | { readonly name: 'reconnecting'; readonly attempt: number }
  /** The server ended it; code says why. */
  | { readonly name: 'gone'; readonly code: string };

export type Notice =
  | { readonly kind: 'joined' | 'left'; readonly name: string }
  /** change: the level is another; sound: whether sound is kept is. At joining neither is, and both are as they are. */
  | { readonly kind: 'policy'; readonly ai: AIState; readonly change: boolean; readonly sound: boolean }
  | { readonly kind: 'trouble'; readonly error: CaptureError }
  /** Another device is in use, because the one before is gone or the system chose anew. */
  | { readonly kind: 'device'; readonly device: CaptureKind; readonly label: string }
  | { readonly kind: 'fault'; readonly code: string }
  | { readonly kind: 'moderated'; readonly done: Moderation }
  | { readonly kind: 'chat'; readonly name: string }
  /** To organizers: who asks to be let in. */
  | { readonly kind: 'waiter'; readonly name: string }
  /** To organizers: who raised a hand, and how many are up. */
  | { readonly kind: 'hand'; readonly name: string; readonly up: number }
  | { readonly kind: 'reaction'; readonly name: string; readonly emoji: Emoji };

export interface SessionOptions {
  readonly socketUrl: string;
  readonly token: string;
  /** Joins anew with a fresh token, when the server does not know ours any more. Rejects if that is refused. */
  rejoin(): Promise<string>;
  /** The remembered device of a kind, '' for the system's choice. */
  device(kind: CaptureKind): string;
  notice(n: Notice): void;
  /** Of an end-to-end encrypted room, whatever the server says later; closed with the session. */
  readonly encryption?: Encryption | undefined;
}

/** Finals that come this soon after a welcome, without partials before, were said before we came. */
const historyMs = 1_500;
const levelsEveryMs = 400;
/** Loudness (0 to 1) from which somebody counts as speaking, and how long the mark stays. */
const speakingLevel = 0.015;
const speakingHoldMs = 900;
const qualityEveryMs = 2_000;
/** Devices come and go in bursts: a headset is three of them. */
const devicesRestMs = 500;

export class MeetingSession {
  readonly phase = new Cell<Phase>({ name: 'connecting' });
  readonly welcome = new Cell<Welcome | undefined>(undefined);
  readonly ai = new Cell<AIState | undefined>(undefined);
  readonly roster = new Roster();
  readonly captions = new CaptionStore();
  readonly chat = new ChatStore();
  readonly voices = new VoiceStore();
  readonly house = new House();
  readonly reactions = new Reactions();
  /** Ours at this moment; an organizer link that is used, or renewed, changes it during a meeting. */
  readonly role = new Cell<Role>('participant');
  /** What we are told at the door; undefined: we do not wait. */
  readonly waiting = new Cell<WaitingInfo | undefined>(undefined);
  readonly speaking = new Cell<ReadonlySet<string>>(new Set());
  /** Whom of the others the large tile follows. */
  readonly speaker = new Cell<string | undefined>(undefined);
  /** What the server sheds, because it is short of something. */
  readonly load = new Cell<Load>('normal');
  /** Of the own connection. */
  readonly quality = new Cell<Quality>('good');
  /** Takes what the screen shows. */
  readonly view: ViewReport;
  /** Settles when we are in the meeting for the first time (true), or are not let in (false). */
  readonly admitted: Promise<boolean>;
  readonly downlink: Downlink;
  readonly encryption: Encryption | undefined;
  /** MIDs of the slots whose frames cannot be opened. */
  readonly unreadable: Readable<ReadonlySet<string>>;
  readonly mic: LocalSource<MediaStreamTrack>;
  readonly camera: LocalSource<MediaStreamTrack>;
  readonly screen: LocalSource<ScreenTracks>;

  readonly #options: SessionOptions;
  readonly #socket: SignalSocket;
  readonly #uplink: Uplink;
  readonly #lastHeard = new Map<string, number>();
  readonly #floor = new Floor();
  readonly #meter = new QualityMeter();
  #admit: (inside: boolean) => void = () => undefined;
  #token: string;
  #welcomedMs = 0;
  #rejoined = false;
  #recalled = false;
  /** Between a welcome and the loss of its connection: the server acts on what we say. */
  #heard = false;
  /** Our peer connections cannot be mended: the next hello must begin anew. */
  #anew = false;
  /** A connection came up only through a relay: the next ones use it at once. */
  #relayed = false;
  #levels: ReturnType<typeof setInterval> | undefined;
  #measures: ReturnType<typeof setInterval> | undefined;
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #devices: ReturnType<typeof setTimeout> | undefined;
  #unwatch: () => void = () => undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.encryption = options.encryption;
    this.unreadable = options.encryption?.unreadable ?? new Cell(new Set());
    this.admitted = new Promise((settle) => (this.#admit = settle));
    this.#token = options.token;
    this.#socket = new SignalSocket(options.socketUrl, {
      opened: () => this.#hello(),
      message: (m) => this.#take(m),
      lost: (attempt) => this.#lost(attempt),
    });
    this.#uplink = new Uplink(this.encryption, {
      offer: (sdp, tracks) => {
        // An offered source counts as active until we say otherwise, so that is said first.
        const live = this.#uplink.live();
        for (const { source } of tracks) this.#tell(source, live.includes(source));
        this.#socket.send({ type: 'offer', sdp, tracks });
      },
      candidate: (candidate) => this.#socket.send({ type: 'candidate', pc: 'up', candidate }),
      failed: () => this.#startAnew(),
      reachable: () => this.#reachable(),
      ...this.#relays(),
    });
    this.downlink = new Downlink(this.encryption, {
      answer: (sdp) => this.#socket.send({ type: 'answer', sdp }),
      candidate: (candidate) => this.#socket.send({ type: 'candidate', pc: 'down', candidate }),
      caption: (c) => this.#caption(c, 'channel'),
      restart: () => this.#reachable() && this.#socket.send({ type: 'restart' }),
      failed: () => this.#startAnew(),
      ...this.#relays(),
    });
    this.downlink.slots.subscribe((slots) => this.encryption?.assign(slots));
    this.view = new ViewReport(
      (tiles) => this.phase.get().name === 'connected' && this.#socket.send({ type: 'view', tiles }),
    );
    this.mic = this.#device('mic');
    this.camera = this.#device('camera');
    this.screen = this.#screenSource();
  }

  start(): void {
    globalThis.addEventListener?.('online', this.#online);
    this.#unwatch = watchDevices(() => {
      clearTimeout(this.#devices);
      this.#devices = setTimeout(() => void this.#devicesChanged(), devicesRestMs);
    });
    this.#levels = setInterval(() => void this.#listen(), levelsEveryMs);
    this.#measures = setInterval(() => void this.#measure(), qualityEveryMs);
    this.#socket.start();
  }

  /** When somebody was last heard, on the clock of performance.now; -Infinity: never. */
  readonly lastHeardMs = (participant: string): number => this.#floor.lastHeardMs(participant);

  /** Whether we asked not to be transcribed, as everybody sees it. */
  get optedOut(): boolean {
    return this.roster.peers.get().get(this.welcome.get()?.participant ?? '')?.opt_out ?? false;
  }

  /** Sends what a captioner typed; false: there is no connection at this moment. */
  type(text: string, final: boolean, lang: string): boolean {
    return this.#socket.send({ type: 'type', text, final, lang });
  }

  /** Asks for everything that was said before, a page at a time; once for each welcome. */
  recall(): void {
    if (this.#recalled || !this.#heard) return;
    this.#recalled = true;
    this.#socket.send({ type: 'history' });
  }

  // The pages come one after the other: each names where the next one ends.
  #recalledPage(captions: readonly Caption[], more: boolean): void {
    this.captions.recall(captions);
    const oldest = captions[0];
    if (more && oldest) this.#socket.send({ type: 'history', before: oldest.seg });
  }

  /** Says who a voice at a shared microphone is; '' takes it back. Rejects when there is no connection. */
  nameVoice(participant: string, voice: number, name: string): Promise<void> {
    const sent = this.#socket.send({ type: 'name-voice', participant, voice, text: name });
    return sent ? Promise.resolve() : Promise.reject(new Error('no connection'));
  }

  setOptOut(optOut: boolean): void {
    this.#socket.send({ type: 'opt-out', opt_out: optOut });
  }

  raiseHand(up: boolean): void {
    this.#socket.send({ type: 'hand', active: up });
  }

  /** Shows everybody a reaction; too many in a short time are dropped. */
  react(emoji: Emoji): void {
    if (this.reactions.allow(performance.now())) this.#socket.send({ type: 'react', emoji });
  }

  /** Whether our hand is up. */
  get handUp(): boolean {
    return this.house.state.get().hands.includes(this.welcome.get()?.participant ?? '');
  }

  /** Writes to everybody; false: there is no connection at this moment. */
  write(text: string): boolean {
    return this.#socket.send({ type: 'chat', text });
  }

  moderate(order: ModerateMessage): void {
    this.#socket.send(order);
  }

  /** Shares or ends sharing the screen. What the server would refuse is said before a screen is chosen. */
  async toggleScreen(): Promise<void> {
    const me = this.welcome.get()?.participant ?? '';
    const peers = this.roster.peers.get().values();
    const refusal =
      this.screen.state.get() === 'off' ? shareRefusal(this.house.state.get(), peers, me, this.role.get()) : undefined;
    if (refusal) return this.#options.notice({ kind: 'fault', code: refusal });
    await this.screen.toggle();
  }

  leave(): void {
    this.#socket.send({ type: 'leave' });
    this.#end({ name: 'left' });
  }

  #end(phase: Phase): void {
    const now = this.phase.get().name;
    if (now === 'left' || now === 'gone') return;
    this.phase.set(phase);
    this.#admit(false);
    globalThis.removeEventListener?.('online', this.#online);
    this.#unwatch();
    clearTimeout(this.#devices);
    clearInterval(this.#levels);
    clearInterval(this.#measures);
    this.view.stop();
    clearTimeout(this.#expiry);
    this.#socket.stop();
    for (const source of [this.mic, this.camera, this.screen]) void source.set(false);
    this.#uplink.close();
    this.downlink.close();
    this.encryption?.close();
    this.captions.silence();
    this.reactions.stop();
  }

  readonly #online = (): void => {
    this.#socket.hurry();
    if (!this.#heard) return; // the next welcome sees to the media
    this.#uplink.suspect();
    this.downlink.suspect();
  };

  /** Media flows on while signalling is away. What can be kept of it, the server keeps; it says so in the welcome. */
  #hello(): void {
    const media = this.welcome.get()?.media ?? '';
    const keep = media !== '' && this.downlink.standing && !this.#anew;
    this.#socket.send({ type: 'hello', token: this.#token, ...(keep ? { keep, media } : {}) });
  }

  /** Ends what cannot be mended: the next connection begins with fresh peer connections. */
  #startAnew(): void {
    this.#anew = true;
    this.#socket.reopen();
  }

  /** Whether the server hears us. A silent path may mean that this connection is dead, too: that is found out now. */
  #reachable(): boolean {
    if (this.#heard) this.#socket.hurry();
    return this.#heard;
  }

  #relays(): Pick<DownlinkEvents, 'relays' | 'firstRelays' | 'relayed'> {
    const relays = () => (this.welcome.get()?.ice_servers ?? []).map((s) => ({ ...s, urls: [...s.urls] }));
    return {
      relays,
      firstRelays: () => (this.#relayed ? relays() : []),
      relayed: () => {
        this.#relayed = true;
      },
    };
  }

  #lost(attempt: number): void {
    this.#heard = false;
    if (attempt > 0) this.quality.set('bad'); // it was good until it was gone
    if (this.phase.get().name !== 'connecting' || attempt > 0) this.phase.set({ name: 'reconnecting', attempt });
  }

  #take(m: ServerMessage): void {
    switch (m.type) {
      case 'welcome':
        return void this.#welcomed(m.welcome).catch(() => this.#startAnew());
      case 'offer':
        return void this.downlink.offer(m.sdp);
      case 'answer':
        return void this.#uplink.answer(m.sdp).catch(() => this.#startAnew());
      case 'candidate':
        // A candidate the browser cannot use is no harm: others follow.
        return void (m.pc === 'up' ? this.#uplink : this.downlink).candidate(m.candidate).catch(() => undefined);
      case 'slot':
        return this.downlink.assign(m.slots);
      case 'caption':
        return this.#caption(m.caption, 'signalling');
      case 'ai':
        return this.#aiChanged(m.ai);
      case 'layers':
        return this.#uplink.watch(m.source, m.layers);
      case 'load':
        return this.load.set(m.load.state);
      case 'gone':
        return this.#gone(m.code);
      case 'fault':
        if (m.code === 'share_rule' || m.code === 'share_taken') void this.screen.set(false);
        return this.#options.notice({ kind: 'fault', code: m.code });
      case 'waiting':
        return this.#waits(m.waiting);
      case 'room':
        return this.#roomChanged(m.room);
      case 'moderated':
        return this.#moderated(m.moderated);
      case 'chat':
        return this.#written(m.chat);
      case 'history':
        return this.#recalledPage(m.captions, m.more);
      case 'voices':
        return this.voices.replace(m.voices);
      case 'reaction':
        return this.#reacted(m.participant, m.emoji);
      case 'joined':
      case 'changed':
      case 'left':
        return this.#rosterChanged(m);
    }
  }

  #rosterChanged(m: Extract<ServerMessage, { type: 'joined' | 'changed' | 'left' }>): void {
    const before = this.roster.peers.get();
    if (m.type === 'left') {
      const peer = before.get(m.participant);
      this.roster.leave(m.participant);
      this.#floor.forget(m.participant);
      if (peer?.present) this.#options.notice({ kind: 'left', name: peer.name });
      return;
    }
    this.roster.put(m.peer);
    if (m.peer.participant === this.welcome.get()?.participant) this.role.set(m.peer.role);
    const isNew = m.type === 'joined' && !before.get(m.peer.participant)?.present;
    if (isNew && m.peer.participant !== this.welcome.get()?.participant) {
      this.#options.notice({ kind: 'joined', name: m.peer.name });
    }
  }

  async #welcomed(w: Welcome): Promise<void> {
    const before = this.welcome.get();
    if (before && before.meeting !== w.meeting) this.captions.clear();
    this.#token = w.token;
    this.#welcomedMs = performance.now();
    this.#rejoined = this.#recalled = this.#anew = false;
    this.#heard = true;
    this.#socket.settled();
    this.encryption?.identify(w.participant);
    if (!w.kept) this.downlink.close();
    this.roster.replace(w.peers);
    this.role.set(w.role);
    this.house.state.set(w.room_state);
    if (before && before.meeting !== w.meeting) this.chat.forget();
    this.chat.begin(w.chat);
    this.voices.replace(w.voices);
    this.waiting.set(undefined);
    this.welcome.set(w);
    this.phase.set({ name: 'connected' });
    this.load.set(w.load.state);
    this.quality.set(this.#meter.quality);
    this.view.again();
    this.#admit(true);
    this.#aiChanged(w.ai);
    if (!w.kept) return this.#uplink.renew();
    this.downlink.resume();
    // What was said while signalling was away was lost.
    if (this.#uplink.offered) for (const source of sources) this.#tell(source, this.#uplink.live().includes(source));
    await this.#uplink.resume();
  }

  /** At the door nothing is sent and nothing comes; a place that is kept waits for us behind it. */
  #waits(info: WaitingInfo): void {
    this.#token = info.token;
    this.#rejoined = false;
    this.#socket.settled();
    for (const source of [this.mic, this.camera, this.screen]) void source.set(false);
    this.waiting.set(info);
    this.phase.set({ name: 'waiting' });
  }

  #roomChanged(now: RoomState): void {
    const { waiters, hands } = this.house.take(now);
    if (!mayRun(this.role.get())) return;
    for (const w of waiters) this.#options.notice({ kind: 'waiter', name: w.name });
    const me = this.welcome.get()?.participant;
    for (const h of hands) {
      const peer = this.roster.peers.get().get(h);
      if (peer && h !== me) this.#options.notice({ kind: 'hand', name: peer.name, up: now.hands.length });
    }
  }

  // The server has acted already; the device follows, so that nobody believes to be heard or seen. The server takes no
  // word of a source being on before it was told that we know.
  #moderated(done: Moderation): void {
    if (done.action === 'mute') {
      const source = done.source === 'camera' ? 'camera' : 'mic';
      this.#tell(source, false);
      void this[source].set(false);
    }
    if (done.action === 'stop-share') {
      this.#tell('screen', false);
      this.#tell('screen-audio', false);
      void this.screen.set(false);
    }
    this.#options.notice({ kind: 'moderated', done });
  }

  #written(messages: readonly ChatMessage[]): void {
    const news = this.chat.receive(messages, this.welcome.get()?.participant ?? '');
    const last = news.at(-1);
    if (last) this.#options.notice({ kind: 'chat', name: last.name });
  }

  #reacted(participant: string, emoji: Emoji): void {
    const peer = this.roster.peers.get().get(participant);
    if (!peer?.present) return;
    this.reactions.show(participant, emoji, performance.now());
    const own = participant === this.welcome.get()?.participant;
    if (!own) this.#options.notice({ kind: 'reaction', name: peer.name, emoji });
  }

  #tell(source: Source, active: boolean): void {
    this.#socket.send({ type: 'track', source, active });
  }

  #aiChanged(ai: AIState): void {
    const before = this.ai.get();
    this.ai.set(ai);
    if (ai.policy.level === 'off') this.captions.silence();
    const change = before !== undefined && before.policy.level !== ai.policy.level;
    const sound = before !== undefined && before.policy.keep_audio !== ai.policy.keep_audio;
    const onAtJoin = before === undefined && ai.policy.level !== 'off';
    if (change || sound || onAtJoin) this.#options.notice({ kind: 'policy', ai, change, sound });
  }

  // Finals of before come by signalling, right after the welcome; the channel brings what is said now.
  #caption(c: Caption, way: 'channel' | 'signalling'): void {
    // What was under way when the AI was switched off is not shown any more; a final of it is listed.
    const off = this.ai.get()?.policy.level === 'off';
    if (off && !c.final) return;
    const now = performance.now();
    const past = c.final && way === 'signalling' && now - this.#welcomedMs < historyMs;
    const origin = off || past ? 'history' : 'live';
    this.captions.receive(c, now, origin);
    this.#expire();
  }

  readonly #expire = (): void => {
    clearTimeout(this.#expiry);
    const now = performance.now();
    const next = this.captions.expire(now);
    if (next !== undefined) this.#expiry = setTimeout(this.#expire, Math.max(50, next - now));
  };

  #gone(code: string): void {
    const then = afterGone(code);
    if (then === 'stop' || (then === 'rejoin' && this.#rejoined)) return this.#end({ name: 'gone', code });
    this.phase.set({ name: 'reconnecting', attempt: 0 });
    if (then !== 'rejoin') return;
    this.#socket.hold();
    void this.#rejoin(code);
  }

  async #rejoin(code: string): Promise<void> {
    this.#rejoined = true;
    try {
      this.#token = await this.#options.rejoin();
      if (this.phase.get().name === 'reconnecting') this.#socket.start();
    } catch {
      this.#end({ name: 'gone', code });
    }
  }

  #device(kind: CaptureKind): LocalSource<MediaStreamTrack> {
    const source: LocalSource<MediaStreamTrack> = new LocalSource<MediaStreamTrack>({
      open: () => capture(kind, this.#options.device(kind)),
      publish: async (track) => {
        // Unplugged, or its permission was withdrawn: what there is instead is opened, or the reason told.
        track.addEventListener('ended', () => source.opened.get() === track && void this.#reopen(kind, source));
        await this.#publish(kind, track);
      },
      withdraw: () => this.#withdraw(kind),
      close: (track) => track.stop(),
      failed: (reason) => this.#trouble(reason, kind),
    });
    return source;
  }

  async #devicesChanged(): Promise<void> {
    const { mics, cameras } = await listDevices().catch(() => ({ mics: [], cameras: [] }));
    for (const [kind, list] of [['mic', mics] as const, ['camera', cameras] as const]) {
      const open = this[kind].opened.get()?.getSettings();
      if (open && shouldReopen(list, this.#options.device(kind), open)) await this.#reopen(kind, this[kind]);
    }
  }

  async #reopen(kind: CaptureKind, source: LocalSource<MediaStreamTrack>): Promise<void> {
    await source.reopen();
    const now = source.opened.get();
    if (now) this.#options.notice({ kind: 'device', device: kind, label: now.label });
  }

  #screenSource(): LocalSource<ScreenTracks> {
    const source: LocalSource<ScreenTracks> = new LocalSource<ScreenTracks>({
      open: captureScreen,
      publish: async ({ video, audio }) => {
        video.addEventListener('ended', () => source.opened.get()?.video === video && void source.set(false));
        await this.#publish('screen', video);
        if (audio) await this.#publish('screen-audio', audio);
      },
      withdraw: async ({ audio }) => {
        await this.#withdraw('screen');
        if (audio) await this.#withdraw('screen-audio');
      },
      close: ({ video, audio }) => {
        video.stop();
        audio?.stop();
      },
      failed: (reason) => this.#trouble(reason, 'screen'),
    });
    return source;
  }

  // The server drops packets of a source that it believes inactive, so it is told before the first packet; at the very
  // first publication the offer tells it.
  async #publish(source: Source, track: MediaStreamTrack): Promise<void> {
    if (this.#uplink.offered) this.#tell(source, true);
    await this.#uplink.publish(source, track);
  }

  async #withdraw(source: Source): Promise<void> {
    this.#tell(source, false);
    await this.#uplink.withdraw(source);
  }

  #trouble(reason: unknown, kind: CaptureKind | 'screen'): void {
    const error = reason instanceof CaptureError ? reason : new CaptureError('failed', kind);
    this.#options.notice({ kind: 'trouble', error });
  }

  async #listen(): Promise<void> {
    if (this.phase.get().name !== 'connected') return;
    const levels = new Map(await this.downlink.levels());
    const me = this.welcome.get()?.participant;
    if (me !== undefined) levels.set(me, await this.#uplink.level());
    const now = performance.now();
    for (const [who, level] of levels) if (level >= speakingLevel) this.#lastHeard.set(who, now);
    for (const [who, at] of this.#lastHeard) if (now - at > speakingHoldMs) this.#lastHeard.delete(who);
    const heard = new Set(this.#lastHeard.keys());
    const was = this.speaking.get();
    if (heard.size !== was.size || [...heard].some((p) => !was.has(p))) this.speaking.set(heard);
    this.speaker.set(this.#floor.hear(new Set([...heard].filter((p) => p !== me)), now));
  }

  async #measure(): Promise<void> {
    if (this.phase.get().name !== 'connected') return;
    const [up, down] = await Promise.all([this.#uplink.stats(), this.downlink.stats()]);
    const trips = [up?.rttMs, down?.rttMs].filter((ms) => ms !== undefined);
    const held = [...this.downlink.slots.get().values()].some((s) => s.paused === 'bandwidth');
    const rttMs = trips.length > 0 ? Math.max(...trips) : undefined;
    this.quality.set(this.#meter.take({ up: up?.traffic, down: down?.traffic, rttMs, held }));
  }
}
