// The worker through which every frame goes in an end-to-end encrypted meeting. What cannot be sealed is not sent, what
// cannot be opened is not played. It knows nothing of the page but what the page tells it.

import { FrameOpener, FrameSealer, type Owner } from './e2eeframes';
import type { Secret } from './e2eekey';

/** What the page says. The first message is "begin". */
export type ToWorker =
  | { readonly type: 'begin'; readonly secret: Secret }
  | { readonly type: 'identify'; readonly participant: string }
  | { readonly type: 'assign'; readonly owners: ReadonlyMap<string, Owner> }
  /** The way of browsers without RTCRtpScriptTransform. */
  | {
      readonly type: 'pipe';
      readonly readable: ReadableStream;
      readonly writable: WritableStream;
      readonly options: Way;
    };

export type FromWorker =
  | { readonly type: 'ready' }
  /** The slots that cannot be read. */
  | { readonly type: 'unreadable'; readonly mids: readonly string[] };

/** Where the frames of a stream come from or go to. */
export type Way = { readonly seal: string } | { readonly open: string };

/** RTCEncodedAudioFrame and RTCEncodedVideoFrame. */
interface EncodedFrame {
  data: ArrayBuffer;
}

/** RTCRtpScriptTransformer, as far as it is used. */
interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: Way;
  sendKeyFrameRequest?(): Promise<void>;
}

const transformers = new Map<string, Transformer>(); // of received streams, by MID; the newest
let sealer: FrameSealer | undefined;
let opener: FrameOpener | undefined;

addEventListener('message', ({ data: m }: MessageEvent<ToWorker>) => {
  switch (m.type) {
    case 'begin':
      return begin(m.secret);
    case 'identify':
      return sealer?.identify(m.participant);
    case 'assign':
      return opener?.assign(m.owners);
    case 'pipe':
      return run({ readable: m.readable, writable: m.writable, options: m.options });
  }
});

addEventListener('rtctransform', (e: Event) => {
  if (brings(e)) run(e.transformer);
});

/** RTCTransformEvent, which the types of pages lack. */
function brings(e: Event): e is Event & { readonly transformer: Transformer } {
  return 'transformer' in e;
}

function tell(m: FromWorker): void {
  postMessage(m);
}

function begin(secret: Secret): void {
  sealer = new FrameSealer(secret);
  opener = new FrameOpener(
    secret,
    {
      unreadable: (mids) => tell({ type: 'unreadable', mids }),
      needsKeyFrame: (mid) =>
        void transformers
          .get(mid)
          ?.sendKeyFrameRequest?.()
          .catch(() => undefined),
    },
    () => performance.now(),
  );
  tell({ type: 'ready' });
}

function run(t: Transformer): void {
  const way = t.options;
  if ('open' in way) transformers.set(way.open, t);
  const pass = new TransformStream<EncodedFrame, EncodedFrame>({
    async transform(frame, controller) {
      if (await changed(way, frame)) controller.enqueue(frame);
    },
  });
  // The stream ends with its connection; that is no event.
  t.readable
    .pipeThrough(pass)
    .pipeTo(t.writable)
    .catch(() => undefined);
}

/** Seals or opens a frame; false: it must go no further. Never throws: an error would end the stream, and a frame that fails must only be left out. */
async function changed(way: Way, frame: EncodedFrame): Promise<boolean> {
  try {
    const was = new Uint8Array(frame.data);
    const is = 'seal' in way ? await sealer?.seal(way.seal, was) : await opener?.open(way.open, was);
    if (is) frame.data = is.buffer;
    return is !== undefined;
  } catch {
    return false;
  }
}
