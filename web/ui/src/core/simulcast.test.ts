import { describe, expect, it } from 'vitest';
import { encodingsOf, LayerSwitch, offerLayers, scaleOf, wanted, type Sender } from './simulcast';

const camera = encodingsOf('camera');
const hd = 1280 * 720;
const active = (encodings: readonly RTCRtpEncodingParameters[]) =>
  encodings.filter((e) => e.active !== false).map((e) => e.rid);
const scales = (encodings: readonly RTCRtpEncodingParameters[]) => encodings.map((e) => e.scaleResolutionDownBy);

describe('the layers of a camera', () => {
  it('are a quarter, a half and the whole of the picture, lowest first', () => {
    expect(camera.map((e) => [e.rid, e.scaleResolutionDownBy])).toEqual([
      ['q', 4],
      ['h', 2],
      ['f', 1],
    ]);
    const bitrates = camera.map((e) => e.maxBitrate ?? 0);
    expect(bitrates).toEqual([...bitrates].sort((a, b) => a - b));
  });

  it('are fewer for a small camera, with the heights they have of a large one', () => {
    const small = wanted(camera, 640 * 360, undefined);
    expect(active(small)).toEqual(['q', 'h']);
    expect(scales(small).slice(0, 2)).toEqual([2, 1]);
    expect(active(wanted(camera, 320 * 180, undefined))).toEqual(['q']);
    expect(scaleOf('q', 320 * 180)).toBe(1);
  });

  it('are off when nobody watches them', () => {
    expect(active(wanted(camera, hd, ['q', 'f']))).toEqual(['q', 'f']);
    expect(active(wanted(camera, hd, []))).toEqual([]);
  });

  it('are the best there is for who watches one that a small camera does not have', () => {
    expect(active(wanted(camera, 640 * 360, ['f']))).toEqual(['h']);
    expect(active(wanted(camera, 640 * 360, ['q', 'f']))).toEqual(['q', 'h']);
  });

  it('are found by name, whatever the order', () => {
    const reversed = [...camera].reverse();
    expect(active(wanted(reversed, hd, ['q']))).toEqual(['q']);
    expect(scales(wanted(reversed, hd, undefined))).toEqual([1, 2, 4]);
  });

  it('are one whole picture when the answer left only the lowest', () => {
    const [left] = wanted(camera.slice(0, 1), hd, undefined);
    expect(left).toMatchObject({ rid: 'q', scaleResolutionDownBy: 1, active: true });
    expect(left?.maxBitrate).toBeGreaterThan(1_000_000);
  });
});

it('a screen is one encoding, on while somebody watches it', () => {
  const screen = encodingsOf('screen');
  expect(screen).toHaveLength(1);
  expect(wanted(screen, hd, [''])).toMatchObject([{ active: true, maxBitrate: screen[0]?.maxBitrate }]);
  expect(wanted(screen, hd, [])).toMatchObject([{ active: false }]);
});

/** A sender as browsers have it: parameters of before are refused, and so is a change while another is under way. */
class FakeSender implements Sender {
  encodings: RTCRtpEncodingParameters[] = camera;
  refusals = 0; // of the next changes
  changes = 0;
  #transaction = 0;
  #busy = false;

  getParameters(): RTCRtpSendParameters {
    const transactionId = String(++this.#transaction);
    return { transactionId, encodings: this.encodings, codecs: [], headerExtensions: [], rtcp: {} };
  }
  async setParameters(p: RTCRtpSendParameters): Promise<void> {
    if (this.#busy || p.transactionId !== String(this.#transaction) || this.refusals-- > 0) {
      throw new DOMException('a transaction is under way', 'InvalidStateError');
    }
    this.#busy = true;
    await Promise.resolve();
    this.#busy = false;
    this.encodings = p.encodings;
    this.changes += 1;
  }
}

describe('switching layers', () => {
  const atOnce = () => Promise.resolve();

  it('follows what is watched', async () => {
    const sender = new FakeSender();
    const layers = new LayerSwitch(sender, atOnce);
    await layers.watch(['h']);
    expect(active(sender.encodings)).toEqual(['h']);
    await layers.watch([]);
    expect(active(sender.encodings)).toEqual([]);
    await layers.watch(['q', 'h', 'f']);
    expect(active(sender.encodings)).toEqual(['q', 'h', 'f']);
  });

  it('makes changes that come together one after the other, and the last one holds', async () => {
    const sender = new FakeSender();
    const layers = new LayerSwitch(sender, atOnce);
    await Promise.all([layers.watch(['q']), layers.watch([]), layers.fit(640 * 360), layers.watch(['h'])]);
    expect(active(sender.encodings)).toEqual(['h']);
    expect(sender.changes).toBeLessThanOrEqual(2);
  });

  it('tries again while the browser negotiates', async () => {
    const sender = new FakeSender();
    sender.refusals = 3;
    await new LayerSwitch(sender, atOnce).watch(['q']);
    expect(active(sender.encodings)).toEqual(['q']);
  });

  it('gives up on a browser that always refuses, and tries again at the next change', async () => {
    const sender = new FakeSender();
    sender.refusals = 1_000;
    const layers = new LayerSwitch(sender, atOnce);
    await layers.watch(['q']);
    expect(active(sender.encodings)).toEqual(['q', 'h', 'f']);
    sender.refusals = 0;
    await layers.settle();
    expect(active(sender.encodings)).toEqual(['q']);
  });

  it('changes nothing that is as it should be', async () => {
    const sender = new FakeSender();
    const layers = new LayerSwitch(sender, atOnce);
    await layers.watch(['q', 'h', 'f']);
    await layers.fit(hd);
    expect(sender.changes).toBe(0);
  });

  it('remembers what is watched when the camera changes', async () => {
    const sender = new FakeSender();
    const layers = new LayerSwitch(sender, atOnce);
    await layers.watch(['q']);
    await layers.fit(640 * 360);
    expect(active(sender.encodings)).toEqual(['q']);
    expect(sender.encodings[0]?.scaleResolutionDownBy).toBe(2);
  });
});

describe('a browser that takes no layers with the transceiver', () => {
  it('gets them before the offer', async () => {
    const sender = new FakeSender();
    sender.encodings = [];
    await offerLayers(sender);
    expect(sender.encodings.map((e) => e.rid)).toEqual(['q', 'h', 'f']);
  });

  it('sends one picture if it refuses them', async () => {
    const sender = new FakeSender();
    sender.encodings = [{}];
    sender.refusals = 1;
    await offerLayers(sender);
    expect(sender.encodings).toEqual([{}]);
    expect(wanted(sender.encodings, hd, ['q'])).toMatchObject([{ active: true }]);
  });
});
