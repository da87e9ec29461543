// End-to-end encryption of a meeting, as the page sees it: it starts the worker, puts it into the way of everything that is
// sent and received, and says which slots cannot be read.

import { Cell } from './cell';
import { fingerprint, type Secret } from './e2eekey';
import type { FromWorker, ToWorker, Way } from './e2eeworker';
import type { MediaSlot, Source } from './signal';

/** How a browser lets a worker have encoded frames: RTCRtpScriptTransform, or, in older Chromium, createEncodedStreams. */
export type Support = 'script' | 'streams';

/** undefined: this browser cannot take part in an encrypted meeting. */
export function support(): Support | undefined {
  if (!('RTCRtpSender' in globalThis) || !globalThis.crypto?.subtle) return undefined;
  const sender: object = RTCRtpSender.prototype;
  if ('RTCRtpScriptTransform' in globalThis && 'transform' in sender) return 'script';
  return 'createEncodedStreams' in sender ? 'streams' : undefined;
}

/** Why somebody cannot join a room as things are. */
export type Barrier = 'unsupported' | 'noKey' | 'cutKey' | 'notEncrypted';

/**
 * What stands between a link and a room. A link with a key never leads into a meeting that is not encrypted: otherwise the
 * server could just say that the room is none.
 */
export function barrier(e2ee: boolean, key: string, secret: Secret | undefined, how = support()): Barrier | undefined {
  if (!e2ee) return key === '' ? undefined : 'notEncrypted';
  if (!how) return 'unsupported';
  if (secret) return undefined;
  return key === '' ? 'noKey' : 'cutKey';
}

/** The worker did not start. */
export class EncryptionError extends Error {}

const startWithinMs = 10_000;

interface Streams {
  createEncodedStreams(): { readonly readable: ReadableStream; readonly writable: WritableStream };
}

export class Encryption {
  /** MIDs of the slots whose frames cannot be opened: sealed with another key, or not at all. */
  readonly unreadable = new Cell<ReadonlySet<string>>(new Set());
  /** Of the secret, to be compared with that of the others. */
  readonly fingerprint: string;
  readonly #worker: Worker;
  readonly #how: Support;

  /** Starts the worker and gives it the secret. Throws EncryptionError. */
  static async start(secret: Secret, how: Support): Promise<Encryption> {
    const worker = new Worker(new URL('./e2eeworker.ts', import.meta.url), { type: 'module' });
    const encryption = new Encryption(worker, how, await fingerprint(secret));
    try {
      await encryption.#begin(secret);
      return encryption;
    } catch (e) {
      encryption.close();
      throw e;
    }
  }

  private constructor(worker: Worker, how: Support, digits: string) {
    this.fingerprint = digits;
    this.#worker = worker;
    this.#how = how;
  }

  #begin(secret: Secret): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = () => reject(new EncryptionError('encryption did not start'));
      const timer = setTimeout(failed, startWithinMs);
      this.#worker.onerror = failed;
      this.#worker.onmessage = ({ data: m }: MessageEvent<FromWorker>) => {
        if (m.type === 'unreadable') return this.unreadable.set(new Set(m.mids));
        clearTimeout(timer);
        resolve();
      };
      this.#tell({ type: 'begin', secret });
    });
  }

  /** What a peer connection must be made with. */
  get configuration(): RTCConfiguration {
    const streams: RTCConfiguration & { encodedInsertableStreams: boolean } = { encodedInsertableStreams: true };
    return this.#how === 'streams' ? streams : {};
  }

  /** Says who we are in the meeting: the keys of what we send depend on it. */
  identify(participant: string): void {
    this.#tell({ type: 'identify', participant });
  }

  /** Says what the slots carry. */
  assign(slots: ReadonlyMap<string, MediaSlot>): void {
    const owners = new Map([...slots].map(([mid, { participant, source }]) => [mid, { participant, source }]));
    this.#tell({ type: 'assign', owners });
  }

  /** Seals all that a transceiver will send, and keeps it to codecs whose frames the server can tell apart when sealed. */
  seal(t: RTCRtpTransceiver, source: Source): void {
    const kind = source === 'mic' || source === 'screen-audio' ? 'audio' : 'video';
    const wanted = kind === 'audio' ? 'audio/opus' : 'video/vp8';
    const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
    t.setCodecPreferences(codecs.filter((c) => c.mimeType.toLowerCase() === wanted)); // no RED: it packs several frames
    this.#put(t.sender, { seal: source });
  }

  /** Opens all that a receiver gets. */
  open(receiver: RTCRtpReceiver, mid: string): void {
    this.#put(receiver, { open: mid });
  }

  close(): void {
    this.#worker.terminate();
  }

  #put(end: RTCRtpSender | RTCRtpReceiver, options: Way): void {
    if (this.#how === 'script') {
      end.transform = new RTCRtpScriptTransform(this.#worker, options);
      return;
    }
    if (!hasStreams(end)) throw new EncryptionError('this browser has no encoded streams');
    const { readable, writable } = end.createEncodedStreams();
    this.#tell({ type: 'pipe', readable, writable, options }, [readable, writable]);
  }

  #tell(m: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(m, transfer);
  }
}

function hasStreams(end: object): end is Streams {
  return 'createEncodedStreams' in end;
}
