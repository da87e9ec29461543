// SFrame (RFC 9605): one encoded frame of a microphone, camera or screen, encrypted so that whoever forwards it cannot open
// it. The cipher suite is AES_256_GCM_SHA512_128 (section 4.5). Bytes that a forwarder must read stay in front, in clear,
// as the "metadata" of the RFC: changed on the way, the frame does not open.
//
//   clear bytes | SFrame header (key ID, counter) | encrypted rest of the frame | tag (16 bytes)

const suite = 0x0005;
const keyBits = 256;
const nonceBytes = 12;
const tagBytes = 16;
const mostBytes = 8; // of key ID and counter in a header
const utf8 = new TextEncoder();

type Bytes = Uint8Array<ArrayBuffer>;

export interface Header {
  readonly kid: bigint;
  readonly ctr: bigint;
  /** How long it is, in bytes. */
  readonly size: number;
}

/** Writes a header, section 4.3. kid and ctr are 64 bits at most. */
export function writeHeader(kid: bigint, ctr: bigint): Bytes {
  const [k, c] = [field(kid), field(ctr)];
  return new Uint8Array([(k.bits << 4) | c.bits, ...k.bytes, ...c.bytes]);
}

/** The four bits of a number in the first byte, and the bytes that follow if it does not fit into three bits. */
function field(n: bigint): { bits: number; bytes: number[] } {
  if (n < 8n) return { bits: Number(n), bytes: [] };
  const bytes: number[] = [];
  for (let rest = n; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return { bits: 8 | (bytes.length - 1), bytes };
}

/** Reads the header at the start of data; undefined if it is cut short. */
export function readHeader(data: Uint8Array): Header | undefined {
  const first = data[0];
  if (first === undefined) return undefined;
  const [k, c] = [first >> 4, first & 0x0f];
  const kidBytes = k & 8 ? (k & 7) + 1 : 0;
  const size = 1 + kidBytes + (c & 8 ? (c & 7) + 1 : 0);
  if (data.length < size) return undefined;
  return {
    kid: kidBytes > 0 ? number(data.subarray(1, 1 + kidBytes)) : BigInt(k),
    ctr: c & 8 ? number(data.subarray(1 + kidBytes, size)) : BigInt(c),
    size,
  };
}

function number(bytes: Uint8Array): bigint {
  let n = 0n;
  for (const b of bytes) n = (n << 8n) | BigInt(b);
  return n;
}

function bigEndian(n: bigint, length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = n; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** What one sender encrypts one source with: never the same counter twice. */
export interface FrameKey {
  readonly kid: bigint;
  readonly key: CryptoKey;
  readonly salt: Uint8Array;
}

/** Derives key and salt from the sender's base key, section 4.4.2. */
export async function deriveKey(baseKey: Bytes, kid: bigint): Promise<FrameKey> {
  const base = await crypto.subtle.importKey('raw', baseKey, 'HKDF', false, ['deriveKey', 'deriveBits']);
  const hkdf = (label: string): HkdfParams => ({
    name: 'HKDF',
    hash: 'SHA-512',
    salt: new Uint8Array(),
    info: joined(utf8.encode(label), bigEndian(kid, mostBytes), bigEndian(BigInt(suite), 2)),
  });
  const [key, salt] = await Promise.all([
    crypto.subtle.deriveKey(hkdf('SFrame 1.0 Secret key '), base, { name: 'AES-GCM', length: keyBits }, false, [
      'encrypt',
      'decrypt',
    ]),
    crypto.subtle.deriveBits(hkdf('SFrame 1.0 Secret salt '), base, nonceBytes * 8),
  ]);
  return { kid, key, salt: new Uint8Array(salt) };
}

/** Encrypts a frame of which the first clearBytes stay readable. The caller never uses ctr again with this key. */
export async function sealFrame(k: FrameKey, ctr: bigint, frame: Bytes, clearBytes: number): Promise<Bytes> {
  const header = writeHeader(k.kid, ctr);
  const clear = frame.subarray(0, clearBytes);
  const sealed = await crypto.subtle.encrypt(gcm(k, ctr, header, clear), k.key, frame.subarray(clearBytes));
  return joined(clear, header, new Uint8Array(sealed));
}

/** The header of a sealed frame; undefined if it is none. */
export function headerOf(sealed: Uint8Array, clearBytes: number): Header | undefined {
  const header = readHeader(sealed.subarray(clearBytes));
  return header && sealed.length >= clearBytes + header.size + tagBytes ? header : undefined;
}

/** Decrypts a sealed frame whose header was read before; undefined if it was changed, or sealed with another key. */
export async function openFrame(
  k: FrameKey,
  header: Header,
  sealed: Bytes,
  clearBytes: number,
): Promise<Bytes | undefined> {
  const clear = sealed.subarray(0, clearBytes);
  const end = clearBytes + header.size;
  try {
    const parameters = gcm(k, header.ctr, sealed.subarray(clearBytes, end), clear);
    const rest = await crypto.subtle.decrypt(parameters, k.key, sealed.subarray(end));
    return joined(clear, new Uint8Array(rest));
  } catch {
    return undefined; // WebCrypto says no more than that it does not open
  }
}

function gcm(k: FrameKey, ctr: bigint, header: Bytes, clear: Bytes): AesGcmParams {
  const nonce = bigEndian(ctr, nonceBytes);
  for (const [i, s] of k.salt.entries()) nonce[i] = (nonce[i] ?? 0) ^ s;
  return { name: 'AES-GCM', iv: nonce, additionalData: joined(header, clear), tagLength: tagBytes * 8 };
}

function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

/**
 * The counters of one key that were seen, so that no frame is taken twice (section 9.3). Frames may overtake each other;
 * one that comes more than `size` after newer ones is refused.
 */
export class ReplayWindow {
  static readonly size = 1024;
  #newest = -1n;
  readonly #seen = new Uint8Array(ReplayWindow.size); // by counter modulo size

  /** Whether a frame with this counter may still be taken. */
  allows(ctr: bigint): boolean {
    if (ctr > this.#newest) return true;
    return this.#newest - ctr < BigInt(ReplayWindow.size) && this.#seen[slot(ctr)] === 0;
  }

  /** Notes a frame that has opened. */
  note(ctr: bigint): void {
    if (ctr > this.#newest) {
      if (ctr - this.#newest >= BigInt(ReplayWindow.size)) this.#seen.fill(0);
      else for (let c = this.#newest + 1n; c < ctr; c++) this.#seen[slot(c)] = 0;
      this.#newest = ctr;
    }
    this.#seen[slot(ctr)] = 1;
  }
}

function slot(ctr: bigint): number {
  return Number(ctr % BigInt(ReplayWindow.size));
}
