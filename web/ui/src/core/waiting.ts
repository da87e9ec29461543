// When to come again after the server was full. Everybody who is turned away waits for the same moment, so every wait is
// spread at random.

import { ApiError } from './api';

/** Why nobody more comes in: the whole server is at its limit, or the meeting has as many people as it may. */
export type Crowd = 'server' | 'meeting';

export const shortestWaitMs = 15_000;
export const longestWaitMs = 300_000;
const usualWaitMs = 60_000;

/** Reads a failed join; undefined: it failed for another reason than that it is too full. */
export function crowdOf(reason: unknown): Crowd | undefined {
  if (!(reason instanceof ApiError)) return undefined;
  if (reason.code === 'overloaded') return 'server';
  return reason.code === 'refused' || reason.code === 'room-full' ? 'meeting' : undefined;
}

/** How long to wait before the next try: what the server said, and up to half as long on top. random is in [0, 1). */
export function waitMs(reason: unknown, random: number): number {
  const said = reason instanceof ApiError ? reason.retryAfterS : undefined;
  const base = said === undefined ? usualWaitMs : said * 1000;
  return Math.round(Math.min(longestWaitMs, Math.max(shortestWaitMs, base)) * (1 + random / 2));
}
