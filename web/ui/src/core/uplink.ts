// The peer connection that carries what we publish. It is made at the first publication, with one transceiver for each
// source; later publications only replace tracks, so there is one negotiation for the whole meeting.

import type { Encryption } from './e2ee';
import { Mender } from './mend';
import { readStats } from './quality';
import { addSender, LayerSwitch, offerLayers } from './simulcast';
import { sources, type Candidate, type Published, type Source } from './signal';

export interface UplinkEvents {
  offer(sdp: string, tracks: readonly Published[]): void;
  candidate(c: Candidate): void;
  /** Restarts did not mend it. */
  failed(): void;
  /** Whether an offer would reach the server now. */
  reachable(): boolean;
  /** Relays for a connection that does not come up. */
  relays(): readonly RTCIceServer[];
  /** Relays for a new connection: those it will need, as others did. */
  firstRelays(): readonly RTCIceServer[];
  relayed(): void;
}

export class Uplink {
  readonly #events: UplinkEvents;
  readonly #encryption: Encryption | undefined;
  readonly #live = new Map<Source, MediaStreamTrack>();
  readonly #transceivers = new Map<Source, RTCRtpTransceiver>();
  readonly #layers = new Map<Source, LayerSwitch>(); // of the video sources
  #pc: RTCPeerConnection | undefined;
  #waiting: Candidate[] = []; // candidates that came before the answer; at most one session's worth
  #mender: Mender | undefined;
  #offered = false;

  constructor(encryption: Encryption | undefined, events: UplinkEvents) {
    this.#events = events;
    this.#encryption = encryption;
  }

  /** Whether the server has been offered the connection. */
  get offered(): boolean {
    return this.#offered;
  }

  /** What is published now. */
  live(): Source[] {
    return [...this.#live.keys()];
  }

  async publish(source: Source, track: MediaStreamTrack): Promise<void> {
    this.#live.set(source, track);
    if (!this.#pc) return this.#open();
    this.#fit(source, track);
    await this.#transceivers.get(source)?.sender.replaceTrack(track);
  }

  async withdraw(source: Source): Promise<void> {
    this.#live.delete(source);
    await this.#transceivers.get(source)?.sender.replaceTrack(null);
  }

  /**
   * The server says which layers of a source somebody watches; none: nobody does. It holds as long as the connection: a
   * new one begins with all layers, because its server knows nothing yet of who watches.
   */
  watch(source: Source, layers: readonly string[]): void {
    void this.#layers.get(source)?.watch(layers);
  }

  /** The signalling session began anew: whatever is published is offered on a fresh connection. */
  async renew(): Promise<void> {
    this.close();
    if (this.#live.size > 0) await this.#open();
  }

  /** Signalling is back, and the server has kept its end: what was lost with the old connection is said again. */
  async resume(): Promise<void> {
    const pc = this.#pc;
    if (!pc) return;
    if (pc.signalingState === 'have-local-offer') return this.#offer(pc, { iceRestart: true });
    this.#mender?.now();
  }

  /** The network may be another one. */
  suspect(): void {
    this.#mender?.now('all');
  }

  async answer(sdp: string): Promise<void> {
    const pc = this.#pc;
    if (!pc || pc.signalingState !== 'have-local-offer') return;
    await pc.setRemoteDescription({ type: 'answer', sdp });
    for (const layers of this.#layers.values()) void layers.settle();
    for (const c of this.#waiting.splice(0)) await this.candidate(c);
  }

  async candidate(c: Candidate): Promise<void> {
    if (!this.#pc) return;
    if (this.#pc.remoteDescription) await this.#pc.addIceCandidate(c);
    else if (this.#waiting.length < 64) this.#waiting.push(c);
  }

  /** Loudness of the published microphone, 0 to 1. */
  async level(): Promise<number> {
    const sender = this.#live.has('mic') ? this.#transceivers.get('mic')?.sender : undefined;
    if (!sender) return 0;
    let level = 0;
    (await sender.getStats()).forEach((s: Record<string, unknown>) => {
      if (s['type'] === 'media-source' && typeof s['audioLevel'] === 'number') level = s['audioLevel'];
    });
    return level;
  }

  /** What the connection counted so far; undefined without one. */
  async stats(): Promise<ReturnType<typeof readStats> | undefined> {
    return this.#pc && readStats((await this.#pc.getStats()).values(), 'up');
  }

  close(): void {
    this.#mender?.stop();
    this.#pc?.close();
    this.#pc = undefined;
    this.#transceivers.clear();
    this.#layers.clear();
    this.#waiting = [];
    this.#offered = false;
  }

  async #open(): Promise<void> {
    const pc = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: [...this.#events.firstRelays()],
      ...this.#encryption?.configuration,
    });
    this.#pc = pc;
    const mender = new Mender(pc, {
      restart: () => this.#restart(pc),
      failed: () => this.#events.failed(),
      relays: () => this.#events.relays(),
      relayed: () => this.#events.relayed(),
    });
    this.#mender = mender;
    pc.onicecandidate = (e) => e.candidate && this.#pc === pc && this.#events.candidate(candidateOf(e.candidate));
    pc.onconnectionstatechange = () => this.#pc === pc && mender.changed();
    for (const source of sources) this.#add(pc, source);
    const camera = this.#transceivers.get('camera');
    if (camera) await offerLayers(camera.sender);
    if (this.#pc !== pc) return; // closed meanwhile
    for (const [source, track] of this.#live) this.#fit(source, track);
    await Promise.all([...this.#live].map(([s, track]) => this.#transceivers.get(s)?.sender.replaceTrack(track)));
    await this.#offer(pc);
    mender.begun();
  }

  #add(pc: RTCPeerConnection, source: Source): void {
    const t = addSender(pc, source);
    this.#transceivers.set(source, t);
    if (t.receiver.track.kind === 'video') {
      preferVP8(t);
      this.#layers.set(source, new LayerSwitch(t.sender));
    }
    this.#encryption?.seal(t, source);
  }

  #fit(source: Source, track: MediaStreamTrack): void {
    if (source !== 'camera') return;
    const { width = 0, height = 0 } = track.getSettings();
    void this.#layers.get(source)?.fit(width * height);
  }

  async #offer(pc: RTCPeerConnection, options: RTCOfferOptions = {}): Promise<void> {
    await pc.setLocalDescription(await pc.createOffer(options));
    if (this.#pc !== pc || !pc.localDescription) return;
    const tracks = [...this.#transceivers].map(([source, t]) => ({ mid: t.mid ?? '', source }));
    this.#offered = true;
    this.#events.offer(pc.localDescription.sdp, tracks);
  }

  /** An offer that waits for its answer brings new credentials already. */
  #restart(pc: RTCPeerConnection): boolean {
    if (!this.#events.reachable()) return false;
    if (pc.signalingState === 'stable') void this.#offer(pc, { iceRestart: true }).catch(() => this.#events.failed());
    return true;
  }
}

/** VP8 for everybody: slots switch between publishers without a new payload type. */
function preferVP8(t: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const isVP8 = (c: RTCRtpCodec) => c.mimeType.toLowerCase() === 'video/vp8';
  if (codecs.some(isVP8)) t.setCodecPreferences([...codecs.filter(isVP8), ...codecs.filter((c) => !isVP8(c))]);
}

export function candidateOf(c: RTCIceCandidate): Candidate {
  return {
    candidate: c.candidate,
    ...(c.sdpMid === null ? {} : { sdpMid: c.sdpMid }),
    ...(c.sdpMLineIndex === null ? {} : { sdpMLineIndex: c.sdpMLineIndex }),
    ...(c.usernameFragment === null ? {} : { usernameFragment: c.usernameFragment }),
  };
}
