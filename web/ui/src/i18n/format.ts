// Dates, durations and positions in a meeting.

import type { Catalogue, Locale } from './index';

export function dateTime(locale: Locale, unixMs: number): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' }).format(unixMs);
}

/** A day, for dates on which something happens. */
export function day(locale: Locale, unixMs: number): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(unixMs);
}

export function duration(t: Catalogue, ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return t.count.underMinute;
  if (minutes < 60) return t.count.minutes(minutes);
  return t.count.hoursMinutes(Math.floor(minutes / 60), minutes % 60);
}

/** A position on the room clock as h:mm:ss or m:ss. */
export function position(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const tail = `${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`;
}

/** A position as an ISO 8601 duration, for <time datetime>. */
export function isoDuration(ms: number): string {
  return `PT${Math.max(0, Math.floor(ms / 1000))}S`;
}
