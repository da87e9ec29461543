// What the encryption worker does with frames, without the worker: seals those that we send, opens those that come, and
// knows when what comes cannot be read.

import { senderKey, type Secret } from './e2eekey';
import { deriveKey, headerOf, openFrame, ReplayWindow, sealFrame, type FrameKey } from './sframe';

/** Whose frames a slot carries. An empty participant: nobody's. */
export interface Owner {
  readonly participant: string;
  readonly source: string;
}

type Frame = Uint8Array<ArrayBuffer>;

/**
 * How many bytes of a frame stay clear, because the server and the receiving browser read them. VP8: the frame tag, and in
 * key frames the start code and size (RFC 6386, section 9.1); Opus: the TOC byte (RFC 6716, section 3.1).
 */
export function clearBytes(source: string, frame: Uint8Array): number {
  if (!isVideo(source)) return Math.min(1, frame.length);
  return Math.min(isKeyFrame(frame) ? 10 : 3, frame.length);
}

function isVideo(source: string): boolean {
  return source === 'camera' || source === 'screen';
}

function isKeyFrame(frame: Uint8Array): boolean {
  return ((frame[0] ?? 1) & 1) === 0;
}

/** 64 random bits, of which the first is 1. */
function newKeyID(): bigint {
  const [id = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  return id | (1n << 63n);
}

/**
 * Seals what we send. Each source has a key of its own with a random key ID, so that a page that was loaded again never
 * uses a key of before; its counter outlives connections.
 */
export class FrameSealer {
  readonly #secret: Secret;
  readonly #sources = new Map<string, { readonly key: Promise<FrameKey>; next: bigint }>();
  #participant = '';

  constructor(secret: Secret) {
    this.#secret = secret;
  }

  /** Says who we are in the meeting. Until then nothing is sent. */
  identify(participant: string): void {
    if (participant === this.#participant) return;
    this.#participant = participant;
    this.#sources.clear();
  }

  /** Returns the frame as it may leave the browser; undefined: it must not. */
  async seal(source: string, frame: Frame): Promise<Frame | undefined> {
    if (this.#participant === '' || frame.length === 0) return undefined;
    const s = this.#sourceOf(source);
    const ctr = s.next++; // before anything is awaited: several streams of a source share it
    return sealFrame(await s.key, ctr, frame, clearBytes(source, frame));
  }

  #sourceOf(source: string): { readonly key: Promise<FrameKey>; next: bigint } {
    const known = this.#sources.get(source);
    if (known) return known;
    const made = { key: this.#newKey(source), next: 0n };
    this.#sources.set(source, made);
    return made;
  }

  async #newKey(source: string): Promise<FrameKey> {
    return deriveKey(await senderKey(this.#secret, this.#participant, source), newKeyID());
  }
}

export interface OpenerEvents {
  /** The slots, by MID, of which for a while nothing that came could be opened. */
  unreadable(mids: readonly string[]): void;
  /** A picture cannot begin in this slot without a new key frame. */
  needsKeyFrame(mid: string): void;
}

/** Frames that cannot be opened for this long are no leftovers of what the slot carried before. */
const unreadableAfterMs = 700;
const keyFrameEveryMs = 1_000;
const mostKeyFrameRequests = 5; // for each owner of a slot

/** Keys that frames were opened with; when there are more, the oldest go, and what they protect from replay with them. */
const mostKeys = 4_096;
/** Keys that were tried and have opened nothing: anybody can make those up. The oldest go. */
const mostTried = 64;

interface Key {
  readonly key: Promise<FrameKey>;
  readonly window: ReplayWindow;
}

class Slot {
  failingSinceMs: number | undefined;
  unreadable = false;
  started: boolean; // a key frame has been opened
  requests = 0;
  requestedMs = -Infinity;

  constructor(readonly owner: Owner) {
    this.started = !isVideo(owner.source);
  }
}

/** Opens what comes. A frame is taken only if it was sealed by the participant, for the source, that the slot carries. */
export class FrameOpener {
  readonly #secret: Secret;
  readonly #events: OpenerEvents;
  readonly #nowMs: () => number;
  readonly #keys = new Map<string, Key>();
  readonly #tried = new Map<string, Key>();
  #slots = new Map<string, Slot>();

  constructor(secret: Secret, events: OpenerEvents, nowMs: () => number) {
    this.#secret = secret;
    this.#events = events;
    this.#nowMs = nowMs;
  }

  /** Takes what all slots carry now, by MID. */
  assign(owners: ReadonlyMap<string, Owner>): void {
    const before = this.#slots;
    this.#slots = new Map();
    for (const [mid, owner] of owners) {
      const old = before.get(mid);
      const same = old?.owner.participant === owner.participant && old.owner.source === owner.source;
      if (owner.participant !== '') this.#slots.set(mid, same ? old : new Slot(owner));
    }
    if ([...before].some(([mid, slot]) => slot.unreadable && this.#slots.get(mid) !== slot)) this.#tell();
  }

  /** Returns the frame in clear; undefined: it must not be played. */
  async open(mid: string, sealed: Frame): Promise<Frame | undefined> {
    const slot = this.#slots.get(mid);
    if (!slot) return undefined;
    const { owner } = slot;
    const clear = clearBytes(owner.source, sealed);
    const header = headerOf(sealed, clear);
    if (!header) return this.#failed(slot);
    const id = `${owner.participant} ${owner.source} ${header.kid}`;
    const key = this.#keys.get(id) ?? this.#tried.get(id) ?? this.#try(id, owner, header.kid);
    if (!key.window.allows(header.ctr)) return undefined; // seen before
    const frame = await openFrame(await key.key, header, sealed, clear);
    if (this.#slots.get(mid) !== slot) return undefined; // another's by now
    if (!frame) return this.#failed(slot);
    if (!key.window.allows(header.ctr)) return undefined;
    key.window.note(header.ctr);
    this.#prove(id, key);
    this.#opened(slot);
    return this.#begins(mid, slot, frame) ? frame : undefined;
  }

  #try(id: string, owner: Owner, kid: bigint): Key {
    const key = senderKey(this.#secret, owner.participant, owner.source).then((base) => deriveKey(base, kid));
    const made = { key, window: new ReplayWindow() };
    bounded(this.#tried, mostTried).set(id, made);
    return made;
  }

  #prove(id: string, key: Key): void {
    this.#tried.delete(id);
    if (!this.#keys.has(id)) bounded(this.#keys, mostKeys).set(id, key);
  }

  /** Whether a picture can go on with this frame. What comes before the first key frame is of no use to a decoder. */
  #begins(mid: string, slot: Slot, frame: Frame): boolean {
    slot.started ||= isKeyFrame(frame);
    const now = this.#nowMs();
    if (!slot.started && slot.requests < mostKeyFrameRequests && now - slot.requestedMs >= keyFrameEveryMs) {
      slot.requests++;
      slot.requestedMs = now;
      this.#events.needsKeyFrame(mid);
    }
    return slot.started;
  }

  #failed(slot: Slot): undefined {
    const now = this.#nowMs();
    slot.failingSinceMs ??= now;
    if (slot.unreadable || now - slot.failingSinceMs < unreadableAfterMs) return;
    slot.unreadable = true;
    this.#tell();
  }

  #opened(slot: Slot): void {
    slot.failingSinceMs = undefined;
    if (!slot.unreadable) return;
    slot.unreadable = false;
    this.#tell();
  }

  #tell(): void {
    this.#events.unreadable([...this.#slots].filter(([, slot]) => slot.unreadable).map(([mid]) => mid));
  }
}

/** Makes room in a map for one more. */
function bounded<V>(map: Map<string, V>, most: number): Map<string, V> {
  for (const oldest of map.keys()) {
    if (map.size < most) break;
    map.delete(oldest);
  }
  return map;
}
