import { describe, expect, it } from 'vitest';
import { fingerprint, newSecret, readSecret, secretText, senderKey, withSecret } from './e2eekey';

describe('the secret of a room', () => {
  it('is 256 random bits', () => {
    const [a, b] = [newSecret(), newSecret()];
    expect(a).toHaveLength(32);
    expect(a).not.toEqual(b);
  });

  it('goes into a link and comes out again', () => {
    for (let i = 0; i < 200; i++) {
      const secret = newSecret();
      expect(readSecret(secretText(secret))).toEqual(secret);
    }
    const secret = newSecret();
    const text = secretText(secret);
    expect(withSecret('https://x.test/r/abc', secret)).toBe(`https://x.test/r/abc#key=${text}`);
    expect(withSecret('https://x.test/r/abc#organizer=s', secret)).toBe(`https://x.test/r/abc#organizer=s&key=${text}`);
  });

  it('is whole or none', () => {
    const text = secretText(newSecret());
    const last = text.slice(0, 42);
    for (const wrong of ['', text.slice(1), `${text}A`, `${last}=`, `${last}*`, `${last}B`, ` ${text}`]) {
      expect(readSecret(wrong), wrong).toBeUndefined();
    }
  });

  it('has a fingerprint of 16 digits that is the same for all and says nothing of keys', async () => {
    const secret = readSecret('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8');
    if (!secret) throw new Error('the secret of the test is not read');
    const digits = await fingerprint(secret);
    expect(digits).toMatch(/^\d{4} \d{4} \d{4} \d{4}$/);
    expect(await fingerprint(secret.slice())).toBe(digits);
    expect(await fingerprint(newSecret())).not.toBe(digits);
  });

  it('gives each participant and source a key of their own', async () => {
    const secret = newSecret();
    const keys = await Promise.all(
      [
        ['ada', 'mic'],
        ['ada', 'camera'],
        ['grace', 'mic'],
        ['adam', 'ic'],
      ].map(([p = '', s = '']) => senderKey(secret, p, s)),
    );
    expect(new Set(keys.map(secretText)).size).toBe(keys.length);
    expect(await senderKey(secret, 'ada', 'mic')).toEqual(keys[0]);
    expect(await senderKey(newSecret(), 'ada', 'mic')).not.toEqual(keys[0]);
  });
});
