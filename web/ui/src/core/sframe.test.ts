import { describe, expect, it } from 'vitest';
import { deriveKey, headerOf, openFrame, readHeader, ReplayWindow, sealFrame, writeHeader } from './sframe';

const hex = (b: Uint8Array) => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
const unhex = (s: string) => new Uint8Array((s.match(/../g) ?? []).map((x) => parseInt(x, 16)));

describe('test vectors of RFC 9605', () => {
  // Appendix C.1, the corners of each length.
  it.each([
    [0n, 0n, '00'],
    [0n, 1n, '01'],
    [0n, 255n, '08ff'],
    [0n, 256n, '090100'],
    [1n, 65536n, '1a010000'],
    [255n, 255n, '88ffff'],
    [256n, 4294967295n, '9b0100ffffffff'],
    [65535n, 281474976710656n, '9effff01000000000000'],
    [16777216n, 18446744073709551615n, 'bf01000000ffffffffffffffff'],
    [4294967296n, 0n, 'c00100000000'],
  ])('header of key %d, counter %d', (kid, ctr, encoded) => {
    expect(hex(writeHeader(kid, ctr))).toBe(encoded);
    expect(readHeader(unhex(encoded))).toEqual({ kid, ctr, size: encoded.length / 2 });
  });

  // Appendix C.3, AES_256_GCM_SHA512_128. The RFC's ciphertext has no clear bytes in front, ours begins with the metadata.
  it('keys, nonce and ciphertext', async () => {
    const key = await deriveKey(unhex('000102030405060708090a0b0c0d0e0f'), 0x123n);
    expect(hex(key.salt)).toBe('84991c167b8cd23c93708ec7');
    const metadata = unhex('4945544620534672616d65205747');
    const plain = unhex('64726166742d696574662d736672616d652d656e63');
    const sealed = await sealFrame(key, 0x4567n, new Uint8Array([...metadata, ...plain]), metadata.length);
    expect(hex(sealed)).toBe(
      hex(metadata) + '990123456794f509d36e9beacb0e261d99c7d1e972f1fed787d4049f17ca21353c1cc24d56ceabced279',
    );
  });
});

describe('sealed frames', () => {
  const frame = Uint8Array.from({ length: 300 }, (_, i) => (i * 7) % 256);
  const base = (n: number) => new Uint8Array(32).fill(n);

  async function opened(sealed: Uint8Array<ArrayBuffer>, clear: number, with_ = base(1)) {
    const header = headerOf(sealed, clear);
    return header && openFrame(await deriveKey(with_, header.kid), header, sealed, clear);
  }

  it.each([0, 1, 3, 10, 300])('open to what they were, with %d clear bytes', async (clear) => {
    const sealed = await sealFrame(await deriveKey(base(1), 77n), 9n, frame, clear);
    expect(sealed.subarray(0, clear)).toEqual(frame.subarray(0, clear));
    expect(await opened(sealed, clear)).toEqual(frame);
  });

  it('show nothing of the frame behind the clear bytes', async () => {
    const key = await deriveKey(base(1), 77n);
    const silence = new Uint8Array(64);
    const [one, two] = [await sealFrame(key, 1n, silence, 1), await sealFrame(key, 2n, silence, 1)];
    expect(hex(one)).not.toContain('00000000');
    expect(hex(one).slice(30)).not.toBe(hex(two).slice(30));
  });

  it('do not open with another key, or under another key ID', async () => {
    const sealed = await sealFrame(await deriveKey(base(1), 77n), 9n, frame, 3);
    expect(await opened(sealed, 3, base(2))).toBeUndefined();
    const header = headerOf(sealed, 3);
    expect(header && (await openFrame(await deriveKey(base(1), 78n), header, sealed, 3))).toBeUndefined();
  });

  it('do not open when any byte was changed, the clear ones included', async () => {
    const sealed = await sealFrame(await deriveKey(base(1), 77n), 9n, frame.subarray(0, 40), 10);
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] = (changed[i] ?? 0) ^ 0x10;
      expect(await opened(changed, 10), `byte ${i}`).toBeUndefined();
    }
  });

  it('do not open when they are cut short', async () => {
    const sealed = await sealFrame(await deriveKey(base(1), 77n), 9n, frame.subarray(0, 40), 10);
    for (let n = 0; n < sealed.length; n++) expect(await opened(sealed.slice(0, n), 10), `${n} bytes`).toBeUndefined();
  });
});

describe('the replay window', () => {
  it('takes each counter once, in any order', () => {
    const w = new ReplayWindow();
    for (const ctr of [0n, 2n, 1n, 5n, 900n, 3n]) {
      expect(w.allows(ctr), `${ctr}`).toBe(true);
      w.note(ctr);
      expect(w.allows(ctr), `${ctr} again`).toBe(false);
    }
    expect(w.allows(4n)).toBe(true);
  });

  it('refuses what is older than it remembers', () => {
    const w = new ReplayWindow();
    w.note(5000n);
    expect(w.allows(5000n - BigInt(ReplayWindow.size))).toBe(false);
    expect(w.allows(5001n - BigInt(ReplayWindow.size))).toBe(true);
    w.note(5000n + BigInt(ReplayWindow.size) - 1n); // all but the newest places are free again
    expect(w.allows(5000n)).toBe(false);
    expect(w.allows(5001n)).toBe(true);
  });

  it('agrees with a list of all that was seen', () => {
    let state = 12345;
    const random = (n: number) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
    const [w, seen] = [new ReplayWindow(), new Set<bigint>()];
    let newest = 0n;
    for (let i = 0; i < 4_000; i++) {
      const ctr = newest + BigInt(random(2 * ReplayWindow.size) - ReplayWindow.size - 20) + BigInt(random(20));
      if (ctr < 0n) continue;
      const late = newest - ctr >= BigInt(ReplayWindow.size);
      expect(w.allows(ctr)).toBe(!late && !seen.has(ctr));
      if (late || seen.has(ctr)) continue;
      w.note(ctr);
      seen.add(ctr);
      if (ctr > newest) newest = ctr;
    }
  });
});
