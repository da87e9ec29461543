import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { barrier, Encryption, EncryptionError, support } from './e2ee';
import { fingerprint, newSecret, secretText } from './e2eekey';

class FakeWorker {
  static readonly all: FakeWorker[] = [];
  static starts = true;
  onmessage: ((e: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly heard: unknown[] = [];
  terminated = false;
  constructor() {
    FakeWorker.all.push(this);
  }
  postMessage(m: { type: string }): void {
    this.heard.push(m);
    if (m.type !== 'begin') return;
    if (FakeWorker.starts) this.onmessage?.({ data: { type: 'ready' } });
    else this.onerror?.();
  }
  terminate(): void {
    this.terminated = true;
  }
}

class FakeTransform {
  constructor(
    readonly worker: unknown,
    readonly options: unknown,
  ) {}
}

describe('what a browser can do', () => {
  const subtle = { crypto: { subtle: {} } };
  const script = { RTCRtpScriptTransform: FakeTransform };
  const sender = (prototype: object) => ({ RTCRtpSender: { prototype } });
  afterEach(() => vi.unstubAllGlobals());

  it.each<[string, object, string | undefined]>([
    ['both ways', { ...subtle, ...script, ...sender({ transform: 0, createEncodedStreams: 0 }) }, 'script'],
    ['streams only', { ...subtle, ...sender({ createEncodedStreams: 0 }) }, 'streams'],
    ['neither', { ...subtle, ...sender({}) }, undefined],
    ['no WebRTC', { ...subtle }, undefined],
    ['a page without TLS', { crypto: {}, ...script, ...sender({ transform: 0 }) }, undefined],
  ])('%s', (_, globals, want) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    expect(support()).toBe(want);
  });
});

describe('what stands between a link and a room', () => {
  const secret = newSecret();
  const key = secretText(secret);

  it.each([
    ['nothing, with a whole link', barrier(true, key, secret, 'script'), undefined],
    ['nothing, where nothing is encrypted', barrier(false, '', undefined, undefined), undefined],
    ['a browser that cannot encrypt', barrier(true, key, secret, undefined), 'unsupported'],
    ['a link without its key', barrier(true, '', undefined, 'script'), 'noKey'],
    ['a link whose key was cut', barrier(true, key.slice(1), undefined, 'script'), 'cutKey'],
    ['a room that is not encrypted, with a key', barrier(false, key, secret, 'script'), 'notEncrypted'],
    ['the same with half a key', barrier(false, 'half', undefined, 'script'), 'notEncrypted'],
  ])('%s', (_, got, want) => {
    expect(got).toBe(want);
  });
});

describe('encryption of a meeting', () => {
  const codec = (mimeType: string) => ({ mimeType });
  const worker = () => FakeWorker.all[0];

  beforeEach(() => {
    FakeWorker.all.length = 0;
    FakeWorker.starts = true;
    vi.stubGlobal('Worker', FakeWorker);
    vi.stubGlobal('RTCRtpScriptTransform', FakeTransform);
    const offered = ['video/VP8', 'video/rtx', 'video/H264', 'audio/opus', 'audio/red'].map(codec);
    vi.stubGlobal('RTCRtpReceiver', {
      getCapabilities: (kind: string) => ({ codecs: offered.filter((c) => c.mimeType.startsWith(kind)) }),
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  function transceiver() {
    const chosen: { mimeType: string }[] = [];
    const streams = { readable: {}, writable: {} };
    const sender: { transform?: FakeTransform; createEncodedStreams(): object } = {
      createEncodedStreams: () => streams,
    };
    return { sender, chosen, streams, setCodecPreferences: (c: { mimeType: string }[]) => chosen.push(...c) };
  }
  const as = <T>(v: unknown): T => v as T; // a fake with the parts that are used

  it('puts the worker into the way of what is sent, and allows VP8 and Opus only', async () => {
    const secret = newSecret();
    const e = await Encryption.start(secret, 'script');
    const [camera, mic] = [transceiver(), transceiver()];
    e.seal(as(camera), 'camera');
    e.seal(as(mic), 'mic');
    expect(camera.chosen).toEqual([codec('video/VP8')]);
    expect(mic.chosen).toEqual([codec('audio/opus')]);
    expect(camera.sender.transform).toMatchObject({ worker: worker(), options: { seal: 'camera' } });
    expect(e.configuration).toEqual({});
    expect(worker()?.heard).toEqual([{ type: 'begin', secret }]);
    expect(e.fingerprint).toBe(await fingerprint(secret));
  });

  it('hands streams to the worker where there is no script transform', async () => {
    const e = await Encryption.start(newSecret(), 'streams');
    const { sender, streams } = transceiver();
    e.open(as(sender), '3');
    expect(worker()?.heard.at(-1)).toEqual({ type: 'pipe', ...streams, options: { open: '3' } });
    expect(e.configuration).toEqual({ encodedInsertableStreams: true });
    expect(() => e.open(as({}), '4')).toThrow(EncryptionError);
  });

  it('says what cannot be read', async () => {
    const e = await Encryption.start(newSecret(), 'script');
    worker()?.onmessage?.({ data: { type: 'unreadable', mids: ['1', '2'] } });
    expect([...e.unreadable.get()]).toEqual(['1', '2']);
  });

  it('does not begin without its worker', async () => {
    FakeWorker.starts = false;
    await expect(Encryption.start(newSecret(), 'script')).rejects.toThrow(EncryptionError);
    expect(worker()?.terminated).toBe(true);
  });
});
