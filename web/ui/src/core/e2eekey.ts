// The secret of an end-to-end encrypted room: 256 random bits that are made in a browser and travel in the fragment of the
// room's link, which browsers send to no server. Whoever has the link has the secret.

const secretBytes = 32;
const textForm = /^[A-Za-z0-9_-]{43}$/;
const utf8 = new TextEncoder();

export type Secret = Uint8Array<ArrayBuffer>;

export function newSecret(): Secret {
  return crypto.getRandomValues(new Uint8Array(secretBytes));
}

/** As it stands in a link: base64url without padding. */
export function secretText(secret: Secret): string {
  return btoa(String.fromCharCode(...secret))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Reads what stands in a link; undefined if it is not a whole secret. */
export function readSecret(text: string): Secret | undefined {
  if (!textForm.test(text)) return undefined;
  const secret = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  return secretText(secret) === text ? secret : undefined; // two bits of the last letter must be 0
}

/** A link of the room with its secret; the link may have a fragment already. */
export function withSecret(link: string, secret: Secret): string {
  return `${link}${link.includes('#') ? '&' : '#'}key=${secretText(secret)}`;
}

/** Sixteen digits, the same for all who have the same secret, to be compared by voice. They do not give the secret away. */
export async function fingerprint(secret: Secret): Promise<string> {
  const bits = await derive(secret, 'fingerprint', 8);
  let n = 0n;
  for (const b of bits) n = (n << 8n) | BigInt(b);
  const digits = (n % 10n ** 16n).toString().padStart(16, '0');
  return (digits.match(/\d{4}/g) ?? []).join(' ');
}

/** The SFrame base key (RFC 9605, section 4.4.1) of what a participant sends from one source. */
export function senderKey(secret: Secret, participant: string, source: string): Promise<Secret> {
  return derive(secret, `sender\0${participant}\0${source}`, secretBytes);
}

async function derive(secret: Secret, purpose: string, length: number): Promise<Secret> {
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const info = utf8.encode(`souffleur e2ee 1 ${purpose}`);
  const hkdf = { name: 'HKDF', hash: 'SHA-512', salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(hkdf, base, length * 8));
}
