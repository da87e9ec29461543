import { beforeEach, describe, expect, it } from 'vitest';
import { clearBytes, FrameOpener, FrameSealer, type Owner } from './e2eeframes';
import { newSecret } from './e2eekey';
import { readHeader } from './sframe';

type Frame = Uint8Array<ArrayBuffer>;

const bytes = (first: number, length: number): Frame =>
  Uint8Array.from({ length }, (_, i) => (i === 0 ? first : (i * 31 + first) % 256));
const keyFrame = bytes(0x10, 400); // VP8: the lowest bit of the first byte is 0
const delta = bytes(0x11, 200);
const word = bytes(0x78, 80); // Opus
const dtx = bytes(0x78, 1);

const owners = (slots: Record<string, string>): ReadonlyMap<string, Owner> =>
  new Map(
    Object.entries(slots).map(([mid, owner]) => {
      const [participant = '', source = ''] = owner.split(' ');
      return [mid, { participant, source }];
    }),
  );

describe('the bytes that stay clear', () => {
  it.each([
    ['camera', keyFrame, 10],
    ['screen', delta, 3],
    ['camera', keyFrame.subarray(0, 4), 4],
    ['mic', word, 1],
    ['screen-audio', word, 1],
    ['mic', new Uint8Array(), 0],
    ['camera', new Uint8Array(), 0],
  ])('of %s are few', (source, frame, clear) => {
    expect(clearBytes(source, frame)).toBe(clear);
  });
});

describe('frames between two browsers', () => {
  const secret = newSecret();
  let ada: FrameSealer;
  let grace: FrameOpener;
  let unreadable: readonly string[];
  let asked: string[];
  let nowMs: number;

  beforeEach(() => {
    nowMs = 0;
    unreadable = [];
    asked = [];
    ada = new FrameSealer(secret);
    ada.identify('ada');
    grace = opener();
    grace.assign(owners({ '0': 'ada mic', '1': 'ada camera', '2': '' }));
  });

  function opener(with_ = secret): FrameOpener {
    const events = {
      unreadable: (mids: readonly string[]) => (unreadable = mids),
      needsKeyFrame: (mid: string) => asked.push(mid),
    };
    return new FrameOpener(with_, events, () => nowMs);
  }

  async function sealed(source: string, frame: Frame, from = ada): Promise<Frame> {
    const s = await from.seal(source, frame);
    if (!s) throw new Error('nothing was sealed');
    return s;
  }

  it('arrive as they were', async () => {
    for (const [mid, source, frame] of [
      ['0', 'mic', word],
      ['0', 'mic', dtx],
      ['1', 'camera', keyFrame],
      ['1', 'camera', delta],
    ] as const) {
      const wire = await sealed(source, frame);
      expect(wire.subarray(0, clearBytes(source, frame))).toEqual(frame.subarray(0, clearBytes(source, frame)));
      expect(await grace.open(mid, wire)).toEqual(frame);
    }
    expect(unreadable).toEqual([]);
  });

  it('are not sent before we know who we are, and never empty', async () => {
    const nobody = new FrameSealer(secret);
    expect(await nobody.seal('mic', word)).toBeUndefined();
    expect(await ada.seal('mic', new Uint8Array())).toBeUndefined();
  });

  it('never use a counter twice, whatever the streams of a source do', async () => {
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => sealed('camera', i % 9 ? delta : keyFrame)));
    const headers = all.map((w) => readHeader(w.subarray(clearBytes('camera', w))));
    expect(new Set(headers.map((h) => h?.kid)).size).toBe(1);
    expect(new Set(headers.map((h) => h?.ctr)).size).toBe(100);
  });

  it('have another key in a page that was loaded again, for another source, and as another participant', async () => {
    const again = new FrameSealer(secret);
    again.identify('ada');
    const kid = async (source: string, from: FrameSealer) =>
      readHeader((await sealed(source, word, from)).subarray(clearBytes(source, word)))?.kid;
    const kids = [await kid('mic', ada), await kid('screen-audio', ada), await kid('mic', again)];
    ada.identify('ada-2');
    kids.push(await kid('mic', ada));
    expect(new Set(kids).size).toBe(4);
    ada.identify('ada-2');
    expect(await kid('mic', ada)).toBe(kids[3]);
  });

  it('may overtake each other, and are taken once', async () => {
    const [one, two, three] = [await sealed('mic', word), await sealed('mic', dtx), await sealed('mic', word)];
    expect(await grace.open('0', three)).toEqual(word);
    expect(await grace.open('0', one)).toEqual(word);
    expect(await grace.open('0', two)).toEqual(dtx);
    for (const again of [one, two, three]) expect(await grace.open('0', again)).toBeUndefined();
    const twice = await sealed('mic', word);
    const results = await Promise.all([grace.open('0', twice), grace.open('0', twice)]);
    expect(results.filter((r) => r !== undefined)).toHaveLength(1);
  });

  it('open only as what the slot carries', async () => {
    const mallory = new FrameSealer(secret);
    mallory.identify('mallory');
    expect(await grace.open('0', await sealed('mic', word, mallory))).toBeUndefined();
    expect(await grace.open('0', await sealed('screen-audio', word))).toBeUndefined();
    expect(await grace.open('2', await sealed('mic', word))).toBeUndefined();
    expect(await grace.open('9', await sealed('mic', word))).toBeUndefined();
  });

  it('of another key are never played, and it is said after a while', async () => {
    const stranger = opener(newSecret());
    stranger.assign(owners({ '0': 'ada mic', '1': 'ada camera' }));
    for (nowMs = 0; nowMs <= 2_000; nowMs += 100) {
      expect(await stranger.open('0', await sealed('mic', word))).toBeUndefined();
      expect(await stranger.open('1', await sealed('camera', nowMs ? delta : keyFrame))).toBeUndefined();
      expect(unreadable).toEqual(nowMs < 700 ? [] : ['0', '1']);
    }
    expect(asked).toEqual([]); // who cannot read asks for nothing
    stranger.assign(owners({ '0': 'ada mic', '1': '' }));
    expect(unreadable).toEqual(['0']);
  });

  it('in clear are never played', async () => {
    for (nowMs = 0; nowMs <= 1_000; nowMs += 100) {
      expect(await grace.open('0', word)).toBeUndefined();
      expect(await grace.open('1', keyFrame)).toBeUndefined();
    }
    expect(unreadable).toEqual(['0', '1']);
    expect(await grace.open('0', await sealed('mic', word))).toEqual(word);
    expect(unreadable).toEqual(['1']);
  });

  it('left over from the last owner of a slot are dropped without a word', async () => {
    const late = await sealed('mic', word);
    grace.assign(owners({ '0': 'eve mic' }));
    expect(await grace.open('0', late)).toBeUndefined();
    nowMs = 300;
    const eve = new FrameSealer(secret);
    eve.identify('eve');
    expect(await grace.open('0', await sealed('mic', word, eve))).toEqual(word);
    expect(unreadable).toEqual([]);
  });

  it('that are opened while the slot goes to somebody else are not shown under the new name', async () => {
    const opening = grace.open('0', await sealed('mic', word));
    grace.assign(owners({ '0': 'eve mic' }));
    expect(await opening).toBeUndefined();
  });

  it('begin with a key frame, which is asked for if it was missed', async () => {
    await sealed('camera', keyFrame); // came before we were told whose slot it is
    for (nowMs = 0; nowMs < 20_000; nowMs += 100)
      expect(await grace.open('1', await sealed('camera', delta))).toBeUndefined();
    expect(asked).toEqual(['1', '1', '1', '1', '1']);
    expect(await grace.open('1', await sealed('camera', keyFrame))).toEqual(keyFrame);
    expect(await grace.open('1', await sealed('camera', delta))).toEqual(delta);
    grace.assign(owners({ '1': 'ada camera' }));
    expect(await grace.open('1', await sealed('camera', delta))).toEqual(delta);
  });

  it('stay protected from replay when somebody floods with made-up keys', async () => {
    const said = await sealed('mic', word);
    expect(await grace.open('0', said)).toEqual(word);
    for (let i = 0; i < 200; i++) {
      const forged = said.slice();
      crypto.getRandomValues(forged.subarray(2, 9)); // of the key ID
      expect(await grace.open('0', forged)).toBeUndefined();
    }
    expect(await grace.open('0', said)).toBeUndefined();
    expect(await grace.open('0', await sealed('mic', word))).toEqual(word);
  });

  it('of random bytes do no harm', async () => {
    for (let i = 0; i < 400; i++) {
      const noise = crypto.getRandomValues(new Uint8Array(i % 70));
      expect(await grace.open(String(i % 3), noise)).toBeUndefined();
      const whole = await sealed('mic', word);
      const cut = whole.slice(0, i % whole.length);
      expect(await grace.open('0', cut)).toBeUndefined();
    }
    expect(await grace.open('0', await sealed('mic', word))).toEqual(word);
  });
});
