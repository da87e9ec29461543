import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newSecret } from './e2eekey';

interface EncodedFrame {
  data: ArrayBuffer;
}

/** A stream of frames through the worker. */
class Pipe {
  readonly #in = new TransformStream<EncodedFrame, EncodedFrame>(undefined, { highWaterMark: 10_000 });
  readonly #out = new TransformStream<EncodedFrame, EncodedFrame>(undefined, undefined, { highWaterMark: 10_000 });
  readonly #writer = this.#in.writable.getWriter();
  readonly #reader = this.#out.readable.getReader();
  readonly transformer: object;
  readonly sendKeyFrameRequest = vi.fn(() => Promise.resolve());

  constructor(readonly options: object) {
    const { sendKeyFrameRequest } = this;
    this.transformer = { readable: this.#in.readable, writable: this.#out.writable, options, sendKeyFrameRequest };
  }

  send(frame: unknown): void {
    void this.#writer.write(frame as EncodedFrame);
  }

  async next(): Promise<Uint8Array> {
    const { value } = await this.#reader.read();
    if (!value) throw new Error('the stream has ended');
    return new Uint8Array(value.data);
  }
}

describe('the encryption worker', () => {
  const frame = (...bytes: number[]): EncodedFrame => ({ data: Uint8Array.from(bytes).buffer });
  const word = () => frame(0x78, ...Array.from({ length: 60 }, (_, i) => i));
  const camera = (first: number) => frame(first, ...Array.from({ length: 90 }, (_, i) => i));
  let hears: Map<string, (e: unknown) => void>;
  let told: unknown[];
  const say = (data: object) => hears.get('message')?.({ data });

  beforeEach(async () => {
    hears = new Map();
    told = [];
    vi.stubGlobal('addEventListener', (type: string, heard: (e: unknown) => void) => hears.set(type, heard));
    vi.stubGlobal('postMessage', (m: unknown) => told.push(m));
    vi.resetModules();
    await import('./e2eeworker');
    say({ type: 'begin', secret: newSecret() });
    say({
      type: 'assign',
      owners: new Map([
        ['7', { participant: 'ada', source: 'mic' }],
        ['8', { participant: 'ada', source: 'camera' }],
      ]),
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  function stream(options: object): Pipe {
    const pipe = new Pipe(options);
    hears.get('rtctransform')?.({ transformer: pipe.transformer });
    return pipe;
  }

  it('is ready once it has its secret', () => {
    expect(told).toEqual([{ type: 'ready' }]);
  });

  it('seals and opens streams, however they are handed over', async () => {
    const [out, back] = [new Pipe({ seal: 'mic' }), stream({ open: '7' })];
    say({ type: 'pipe', ...out.transformer });
    out.send(word()); // nobody knows yet who sends it
    say({ type: 'identify', participant: 'ada' });
    await new Promise((resolve) => setTimeout(resolve));
    out.send(word());
    const sealed = await out.next();
    expect(sealed.length).toBe(61 + 1 + 8 + 16);
    back.send({ data: sealed.buffer });
    expect(await back.next()).toEqual(new Uint8Array(word().data));
  });

  it('goes on after frames that make no sense', async () => {
    say({ type: 'identify', participant: 'ada' });
    const [out, back] = [stream({ seal: 'mic' }), stream({ open: '7' })];
    const nonsense: unknown[] = [frame(), { data: undefined }, { data: 'text' }, null, undefined, 5, {}];
    for (const n of nonsense) [out, back].forEach((p) => p.send(n));
    for (let i = 0; i < 300; i++) back.send({ data: crypto.getRandomValues(new Uint8Array(i)).buffer });
    back.send({
      get data(): ArrayBuffer {
        throw new TypeError('the frame was taken away');
      },
    });
    out.send(word());
    back.send({ data: (await out.next()).buffer });
    expect(await back.next()).toEqual(new Uint8Array(word().data));
  });

  it('asks the receiver for the key frame that a picture lacks', async () => {
    say({ type: 'identify', participant: 'ada' });
    const [out, back] = [stream({ seal: 'camera' }), stream({ open: '8' })];
    for (const first of [0x11, 0x10]) {
      out.send(camera(first));
      back.send({ data: (await out.next()).buffer });
    }
    expect(await back.next()).toEqual(new Uint8Array(camera(0x10).data)); // and not the delta frame
    expect(back.sendKeyFrameRequest).toHaveBeenCalledTimes(1);
  });
});
