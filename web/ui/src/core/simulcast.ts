// What of a camera is sent: up to three layers of one picture, of which only those that somebody watches are encoded.
// One path for all browsers. Chromium and Firefox from 110 take the layers with the transceiver, older Firefox takes them
// from setParameters, and whoever takes neither (or whose server answers without simulcast) sends one full picture.
// Layers are found by their RID, never by place: browsers order them differently.

import { rids, type Rid, type Source } from './signal';

/** A camera's only encoding, where there is no simulcast. */
const whole = { maxBitrate: 1_200_000, maxFramerate: 30 };

/** Bits and pictures per second of each layer. */
const layers: Record<Rid, { readonly maxBitrate: number; readonly maxFramerate: number }> = {
  q: { maxBitrate: 150_000, maxFramerate: 15 },
  h: { maxBitrate: 500_000, maxFramerate: 24 },
  f: { maxBitrate: 1_700_000, maxFramerate: 30 },
};

const others: Record<Exclude<Source, 'camera'>, RTCRtpEncodingParameters> = {
  mic: { maxBitrate: 40_000 },
  screen: { maxBitrate: 2_000_000, maxFramerate: 15 },
  'screen-audio': { maxBitrate: 96_000 },
};

/** The encodings that a transceiver of a source begins with. */
export function encodingsOf(source: Source): RTCRtpEncodingParameters[] {
  if (source !== 'camera') return [others[source]];
  return rids.map((rid) => ({ rid, ...layers[rid], scaleResolutionDownBy: scaleOf(rid, fullPixels) }));
}

const fullPixels = 1280 * 720;

/**
 * How much smaller a layer is than a picture of that many pixels; 0: the picture is too small for the layer. Chromium
 * never encodes more than two layers of less than 960 × 540 pixels and one of less than 480 × 270 (simulcast.cc), and
 * leaves out the last: so the layers of a smaller camera are fewer, and have the sizes of a large camera's.
 */
export function scaleOf(rid: Rid, pixels: number): number {
  const missing = pixels >= 960 * 540 ? 0 : pixels >= 480 * 270 ? 1 : 2;
  const place = rids.length - 1 - rids.indexOf(rid) - missing; // halvings
  return place < 0 ? 0 : 2 ** place;
}

/** What an encoding should be; watched is undefined until the server says what somebody watches. */
export function wanted(
  encodings: readonly RTCRtpEncodingParameters[],
  pixels: number,
  watched: readonly string[] | undefined,
): RTCRtpEncodingParameters[] {
  if (encodings.length < 2) return encodings.map((e) => ({ ...e, ...single(e, watched) }));
  const sent = new Set<string | undefined>(choose(pixels, watched));
  return encodings.map((e) => {
    const rid = rids.find((r) => r === e.rid);
    const scale = rid ? scaleOf(rid, pixels) : 0;
    return { ...e, scaleResolutionDownBy: Math.max(1, scale), active: sent.has(e.rid) };
  });
}

function single(e: RTCRtpEncodingParameters, watched: readonly string[] | undefined): RTCRtpEncodingParameters {
  const active = watched === undefined || watched.length > 0;
  if (e.rid === undefined && e.maxBitrate !== undefined) return { active };
  // The browser took no encodings, or the answer refused all layers but one, which was a quarter of the picture.
  return { active, scaleResolutionDownBy: 1, ...whole };
}

/** The layers to send. Whoever watches a layer that a small camera does not have gets the best that it has. */
function choose(pixels: number, watched: readonly string[] | undefined): Rid[] {
  const possible = rids.filter((rid) => scaleOf(rid, pixels) > 0);
  if (watched === undefined) return possible;
  const best = possible.at(-1);
  const beyond = watched.some((w) => !possible.some((rid) => rid === w));
  return possible.filter((rid) => watched.includes(rid) || (beyond && rid === best));
}

/** What the switch needs of an RTCRtpSender. */
export interface Sender {
  getParameters(): RTCRtpSendParameters;
  setParameters(parameters: RTCRtpSendParameters): Promise<void>;
}

const retryMs = 200;
const mostTries = 25; // five seconds: no negotiation takes longer

/** Keeps a sender's encodings as they are wanted. Changes that come while one is being made are made after it, as one. */
export class LayerSwitch {
  readonly #sender: Sender;
  readonly #wait: (ms: number) => Promise<void>;
  #pixels = fullPixels;
  #watched: readonly string[] | undefined;
  #dirty = false;
  #work: Promise<void> | undefined;

  constructor(sender: Sender, wait: (ms: number) => Promise<void> = pause) {
    this.#sender = sender;
    this.#wait = wait;
  }

  /** The picture has another size now. */
  fit(pixels: number): Promise<void> {
    if (pixels > 0) this.#pixels = pixels;
    return this.settle();
  }

  /** These layers are watched; none: nobody watches. */
  watch(layers: readonly string[]): Promise<void> {
    this.#watched = layers;
    return this.settle();
  }

  /** Makes the encodings what they should be; also after an answer, which may have refused layers. */
  settle(): Promise<void> {
    this.#dirty = true;
    return (this.#work ??= this.#run());
  }

  // The browser refuses a change while it negotiates, and one made on parameters of before: so it is tried again.
  async #run(): Promise<void> {
    for (let tries = 0; this.#dirty && tries < mostTries;) {
      this.#dirty = false;
      if (await this.#apply()) continue;
      this.#dirty = true;
      tries += 1;
      await this.#wait(retryMs);
    }
    this.#work = undefined;
  }

  async #apply(): Promise<boolean> {
    const parameters = this.#sender.getParameters();
    const encodings = wanted(parameters.encodings, this.#pixels, this.#watched);
    if (encodings.every((e, i) => same(e, parameters.encodings[i]))) return true;
    try {
      await this.#sender.setParameters({ ...parameters, encodings });
      return true;
    } catch {
      return false;
    }
  }
}

function same(a: RTCRtpEncodingParameters, b: RTCRtpEncodingParameters | undefined): boolean {
  return (
    (a.active ?? true) === (b?.active ?? true) &&
    (a.scaleResolutionDownBy ?? 1) === (b?.scaleResolutionDownBy ?? 1) &&
    a.maxBitrate === b?.maxBitrate
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Adds a transceiver that sends a source with its layers, or with one encoding where the browser refuses several. */
export function addSender(pc: RTCPeerConnection, source: Source): RTCRtpTransceiver {
  const kind = source === 'mic' || source === 'screen-audio' ? 'audio' : 'video';
  try {
    return pc.addTransceiver(kind, { direction: 'sendonly', sendEncodings: encodingsOf(source) });
  } catch {
    return pc.addTransceiver(kind, { direction: 'sendonly' });
  }
}

/** Gives a camera's sender its layers where they did not come with the transceiver: before the offer, which names them. */
export async function offerLayers(sender: Sender): Promise<void> {
  const parameters = sender.getParameters();
  if (parameters.encodings.length > 1) return;
  try {
    await sender.setParameters({ ...parameters, encodings: encodingsOf('camera') });
  } catch {
    // No simulcast in this browser: one full picture.
  }
}
