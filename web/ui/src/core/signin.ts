// Signing in with the identity provider: the browser leaves for it and comes back. What stands behind "#" in the address goes to
// no server, so it waits here: it may be the key of a room.

import type { SignIn } from './me';

/** Why a sign-in came to nothing, as the server says behind "#". */
export const signInTroubles = ['off', 'too-many', 'stale', 'denied', 'unreachable', 'failed', 'unavailable'] as const;
export type SignInTrouble = (typeof signInTroubles)[number];

/** What the fragment of /sign-in says. A path that is not one of ours leads home. */
export function readOutcome(hash: string): { why: SignInTrouble; back: string } {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  const back = said.get('return') ?? '';
  return {
    why: signInTroubles.find((w) => w === said.get('why')) ?? 'failed',
    back: /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(back) ? back : '/',
  };
}

/** Where the browser goes to sign in and to come back to a path. */
export function signInHref(signIn: SignIn, back: string): string {
  return `${signIn.url}?${new URLSearchParams({ return: back })}`;
}

/** Where things wait while the browser is elsewhere; a browser may refuse it, then the fragment is lost. */
export interface Cloakroom {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const prefix = 'souffleur.fragment:';

/** Leaves the fragment of a path behind. */
export function leaveFragment(room: Cloakroom | undefined, path: string, hash: string): void {
  if (hash !== '') room?.setItem(prefix + path, hash);
}

/** Takes back what was left for a path, once; '' if there is nothing. */
export function fetchFragment(room: Cloakroom | undefined, path: string): string {
  const hash = room?.getItem(prefix + path) ?? '';
  if (hash !== '') room?.removeItem(prefix + path);
  return hash;
}
