import { describe, expect, it } from 'vitest';
import { fetchFragment, leaveFragment, readOutcome, signInHref } from './signin';

describe('the sign-in', () => {
  it.each([
    ['#why=stale&return=%2Fr%2Fkfm-rtqw-xzdp', { why: 'stale', back: '/r/kfm-rtqw-xzdp' }],
    ['#why=unreachable&return=%2F', { why: 'unreachable', back: '/' }],
    ['#why=made-up&return=%2F%2Fevil.example', { why: 'failed', back: '/' }],
    ['#return=%2F%5Cevil.example', { why: 'failed', back: '/' }],
    ['#return=https%3A%2F%2Fevil.example', { why: 'failed', back: '/' }],
    ['#return=%2Fa%0Ab', { why: 'failed', back: '/' }],
    ['', { why: 'failed', back: '/' }],
  ])('%s', (hash, outcome) => {
    expect(readOutcome(hash)).toEqual(outcome);
  });

  it('tells where to come back to', () => {
    const signIn = { name: 'Staff', url: '/api/v1/session/oidc' };
    expect(signInHref(signIn, '/r/a b')).toBe('/api/v1/session/oidc?return=%2Fr%2Fa+b');
  });

  it('keeps the key of a room in this browser, and gives it back once', () => {
    const room = new Map<string, string>();
    const cloakroom = {
      getItem: (k: string) => room.get(k) ?? null,
      setItem: (k: string, v: string) => void room.set(k, v),
      removeItem: (k: string) => void room.delete(k),
    };
    leaveFragment(cloakroom, '/r/x', '#key=K');
    leaveFragment(cloakroom, '/r/y', '');
    expect(fetchFragment(cloakroom, '/r/y')).toBe('');
    expect(fetchFragment(cloakroom, '/r/x')).toBe('#key=K');
    expect(fetchFragment(cloakroom, '/r/x')).toBe('');
    expect(room.size).toBe(0);
    expect(fetchFragment(undefined, '/r/x')).toBe('');
  });
});
