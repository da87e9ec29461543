// When to come back after a lost connection. The session of a participant lives 60 s without a socket on the server, so
// the first tries are quick; after a server restart everybody comes at once, so every delay is spread at random.

export const firstDelayMs = 500;
export const longestDelayMs = 15_000;

/**
 * Delay before try number `attempt` (0 for the first), between half and all of an exponential step.
 * random is in [0, 1).
 */
export function delayMs(attempt: number, random: number): number {
  const step = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt, 10));
  return Math.round(step * (0.5 + random / 2));
}

/** Codes of `gone` after which the client may not come back by itself, and those after which it joins anew. */
const comeBack = new Set(['shutdown']);
const joinAnew = new Set(['bad_token', 'expired']);

export type AfterGone = 'resume' | 'rejoin' | 'stop';

export function afterGone(code: string): AfterGone {
  if (comeBack.has(code)) return 'resume';
  return joinAnew.has(code) ? 'rejoin' : 'stop';
}
