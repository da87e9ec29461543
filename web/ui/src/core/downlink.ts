// The peer connection that brings what others send. The server offers it once with all media slots; which source a slot
// carries changes by signalling, without negotiation. It also brings the two caption channels.

import { Cell } from './cell';
import type { Encryption } from './e2ee';
import { Mender } from './mend';
import { readStats } from './quality';
import {
  captionsChannel,
  partialsChannel,
  parseCaption,
  type Candidate,
  type Caption,
  type MediaSlot,
  type Pause,
} from './signal';
import { candidateOf } from './uplink';

export interface DownlinkEvents {
  answer(sdp: string): void;
  candidate(c: Candidate): void;
  caption(c: Caption): void;
  /** Asks the server to restart ICE; false if that cannot be said now. */
  restart(): boolean;
  /** Restarts did not mend it. */
  failed(): void;
  /** As of the uplink. */
  relays(): readonly RTCIceServer[];
  firstRelays(): readonly RTCIceServer[];
  relayed(): void;
}

/** A source of a participant that a slot carries now. */
export interface Carried {
  readonly mid: string;
  readonly track: MediaStreamTrack;
  /** Why nothing of it comes now. */
  readonly paused: Pause | undefined;
}

export class Downlink {
  /** By MID: the tracks of the slots, for the life of the connection. */
  readonly tracks = new Cell<ReadonlyMap<string, MediaStreamTrack>>(new Map());
  /** By MID: what each slot carries. */
  readonly slots = new Cell<ReadonlyMap<string, MediaSlot>>(new Map());
  readonly #events: DownlinkEvents;
  readonly #encryption: Encryption | undefined;
  #pc: RTCPeerConnection | undefined;
  #mender: Mender | undefined;
  #waiting: Candidate[] = [];
  #work: Promise<void> = Promise.resolve(); // offers are answered one after the other

  constructor(encryption: Encryption | undefined, events: DownlinkEvents) {
    this.#events = events;
    this.#encryption = encryption;
  }

  /** Whether there is a connection that could go on. */
  get standing(): boolean {
    return this.#pc !== undefined && this.#pc.signalingState !== 'closed';
  }

  /** Signalling is back, and the server has kept its end. */
  resume(): void {
    this.#mender?.now();
  }

  /** The network may be another one. */
  suspect(): void {
    this.#mender?.now('all');
  }

  offer(sdp: string): Promise<void> {
    const pc = (this.#pc ??= this.#open());
    this.#work = this.#work.then(() => this.#accept(pc, sdp)).catch(() => this.#refused(pc));
    return this.#work;
  }

  async candidate(c: Candidate): Promise<void> {
    if (this.#pc?.remoteDescription) await this.#pc.addIceCandidate(c);
    else if (this.#waiting.length < 64) this.#waiting.push(c);
  }

  /** Takes the slots that changed. */
  assign(changed: readonly MediaSlot[]): void {
    const now = new Map(this.slots.get());
    for (const s of changed) now.set(s.mid, s);
    this.slots.set(now);
  }

  /** Loudness by participant of the audio slots, 0 to 1. */
  async levels(): Promise<ReadonlyMap<string, number>> {
    const levels = new Map<string, number>();
    for (const t of this.#pc?.getTransceivers() ?? []) {
      const slot = this.slots.get().get(t.mid ?? '');
      if (slot?.kind !== 'audio' || slot.participant === '' || slot.source !== 'mic') continue;
      (await t.receiver.getStats()).forEach((s: Record<string, unknown>) => {
        if (s['type'] === 'inbound-rtp' && typeof s['audioLevel'] === 'number') {
          levels.set(slot.participant, s['audioLevel']);
        }
      });
    }
    return levels;
  }

  /** What the connection counted so far; undefined without one. */
  async stats(): Promise<ReturnType<typeof readStats> | undefined> {
    return this.#pc && readStats((await this.#pc.getStats()).values(), 'down');
  }

  /** Forgets the connection: the next offer of the server starts a new one. */
  close(): void {
    this.#mender?.stop();
    this.#pc?.close();
    this.#pc = undefined;
    this.#waiting = [];
    this.tracks.set(new Map());
    this.slots.set(new Map());
  }

  #open(): RTCPeerConnection {
    const pc = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: [...this.#events.firstRelays()],
      ...this.#encryption?.configuration,
    });
    const mender = new Mender(pc, this.#events);
    this.#mender = mender;
    pc.onicecandidate = (e) => e.candidate && this.#pc === pc && this.#events.candidate(candidateOf(e.candidate));
    pc.onconnectionstatechange = () => this.#pc === pc && mender.changed();
    pc.ontrack = (e) => this.#pc === pc && this.#addTrack(e.transceiver.mid ?? '', e.track, e.receiver);
    this.#listen(pc.createDataChannel(captionsChannel.label, { negotiated: true, id: captionsChannel.id }));
    this.#listen(
      pc.createDataChannel(partialsChannel.label, {
        negotiated: true,
        id: partialsChannel.id,
        ordered: false,
        maxRetransmits: 0,
      }),
    );
    return pc;
  }

  async #accept(pc: RTCPeerConnection, sdp: string): Promise<void> {
    if (this.#pc !== pc) return;
    await pc.setRemoteDescription({ type: 'offer', sdp });
    for (const c of this.#waiting.splice(0)) await pc.addIceCandidate(c);
    await pc.setLocalDescription(await pc.createAnswer());
    if (this.#pc !== pc || !pc.localDescription) return;
    this.#events.answer(pc.localDescription.sdp);
    this.#mender?.begun();
  }

  #refused(pc: RTCPeerConnection): void {
    if (this.#pc === pc) this.#events.failed();
  }

  #addTrack(mid: string, track: MediaStreamTrack, receiver: RTCRtpReceiver): void {
    this.#encryption?.open(receiver, mid);
    this.tracks.update((now) => new Map(now).set(mid, track));
  }

  #listen(channel: RTCDataChannel): void {
    channel.onmessage = (e: MessageEvent<unknown>) => {
      if (typeof e.data !== 'string') return;
      const c = captionOrNothing(e.data);
      if (c) this.#events.caption(c);
    };
  }
}

/** The slot that carries a source of a participant, if its track has come. */
export function carried(
  slots: ReadonlyMap<string, MediaSlot>,
  tracks: ReadonlyMap<string, MediaStreamTrack>,
  participant: string,
  source: string,
): Carried | undefined {
  for (const s of slots.values()) {
    const track = s.participant === participant && s.source === source ? tracks.get(s.mid) : undefined;
    if (track) return { mid: s.mid, track, paused: s.paused };
  }
  return undefined;
}

function captionOrNothing(frame: string): Caption | undefined {
  try {
    return parseCaption(frame);
  } catch {
    return undefined;
  }
}
