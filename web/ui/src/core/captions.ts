// The caption store: what the AI heard, as this reader sees it. One writer (receive), bounded, without a clock of its
// own: times are passed in. Caption text never leaves this store except to the screen.

import { Cell } from './cell';
import type { Caption } from './signal';

/** Whether `next` replaces `old` of the same segment: the rule of Go's meeting.Caption.Supersedes. */
export function supersedes(next: Caption, old: Caption): boolean {
  if (next.final !== old.final) return next.final;
  return next.rev > old.rev;
}

/** How long a caption stays on screen after its last change. */
export function lifetimeMs(said: string): number {
  return Math.max(4_000, 60 * Array.from(said).length);
}

/** Whose microphone the speaker "participant/voice-n" used. */
export function participantOf(spk: string): string {
  const slash = spk.indexOf('/');
  return slash < 0 ? spk : spk.slice(0, slash);
}

const captionerMark = '/captioner';

/** Whether a captioner typed it: what others said, and not what the participant says. */
export function isTyped(spk: string): boolean {
  return spk.endsWith(captionerMark);
}

/** The number of a voice on a shared microphone; '' if there is none. */
export function voiceOf(spk: string): string {
  return spk === participantOf(spk) || isTyped(spk)
    ? ''
    : spk.slice(participantOf(spk).length + 1).replace('voice-', '');
}

/** A caption on screen. */
export interface Shown {
  readonly caption: Caption;
  readonly sinceMs: number;
  readonly changedMs: number;
}

/** Finals kept for the panel; the oldest leave first. */
export const mostFinals = 5_000;
/** Captions that wait to be shown are held so often, which is far below how long one stays. */
const holdEveryMs = 250;
/** Captions on screen at once; the one unchanged for longest leaves first. */
export const mostShown = 24;

export class CaptionStore {
  /** Captions that are on screen, in the order they appeared. */
  readonly shown = new Cell<readonly Shown[]>([]);
  /** Finals of this meeting so far, by start. Empty finals are withdrawn partials and are not listed. */
  readonly finals = new Cell<readonly Caption[]>([]);
  readonly #finalOf = new Map<string, Caption>();

  /** Takes one caption. With history, it was said before this reader came: it is listed but not put on screen. */
  receive(c: Caption, nowMs: number, origin: 'live' | 'history' = 'live'): void {
    const on = this.shown.get().find((s) => s.caption.seg === c.seg);
    const old = this.#finalOf.get(c.seg) ?? on?.caption;
    if (old && !supersedes(c, old)) return;
    if (c.final) this.#keep(c);
    if (on || (origin === 'live' && !this.#wasRead(old))) this.#show(c, nowMs);
  }

  /** Takes a page of finals that were said before this reader came. */
  recall(page: readonly Caption[]): void {
    const news = page.filter((c) => {
      const old = this.#finalOf.get(c.seg);
      return c.final && (!old || supersedes(c, old));
    });
    if (news.length === 0) return;
    for (const c of news) this.#finalOf.set(c.seg, c);
    const fresh = new Set(news.map((c) => c.seg));
    const all = [...this.finals.get().filter((f) => !fresh.has(f.seg)), ...news.filter((c) => c.text.trim() !== '')];
    all.sort((a, b) => a.t0 - b.t0 || (a.seg < b.seg ? -1 : 1));
    this.finals.set(all.slice(-mostFinals));
  }

  /** Takes captions off the screen whose time is over. Returns when to look again, or undefined if none is left. */
  expire(nowMs: number): number | undefined {
    const left = this.shown.get().filter((s) => endMs(s) > nowMs);
    if (left.length !== this.shown.get().length) this.shown.set(left);
    return left.length === 0 ? undefined : Math.min(...left.map(endMs));
  }

  /** Lets the time of captions begin anew that have lines which could not be shown yet, or only now. */
  hold(segs: ReadonlySet<string>, nowMs: number): void {
    const stale = (s: Shown) => segs.has(s.caption.seg) && nowMs - s.changedMs >= holdEveryMs;
    if (!this.shown.get().some(stale)) return;
    this.shown.update((all) => all.map((s) => (stale(s) ? { ...s, changedMs: nowMs } : s)));
  }

  /** Empties the screen at once: the AI was switched off. What was said before stays listed. */
  silence(): void {
    this.shown.set([]);
  }

  /** Forgets everything: another meeting began. */
  clear(): void {
    this.#finalOf.clear();
    this.finals.set([]);
    this.shown.set([]);
  }

  // A rescored final whose first version has left the screen corrects the list only.
  #wasRead(old: Caption | undefined): boolean {
    return old?.final === true;
  }

  #keep(c: Caption): void {
    this.#finalOf.set(c.seg, c);
    const others = this.finals.get().filter((f) => f.seg !== c.seg);
    if (c.text.trim() !== '') others.splice(placeOf(c, others), 0, c);
    const cut = Math.max(0, others.length - mostFinals);
    this.finals.set(others.slice(cut));
    while (this.#finalOf.size > 2 * mostFinals) {
      const oldest = this.#finalOf.keys().next();
      if (oldest.done) break;
      this.#finalOf.delete(oldest.value);
    }
  }

  #show(c: Caption, nowMs: number): void {
    const now = this.shown.get();
    const at = now.findIndex((s) => s.caption.seg === c.seg);
    if (c.text.trim() === '') {
      if (at >= 0) this.shown.set(now.toSpliced(at, 1));
      return;
    }
    const entry = { caption: c, sinceMs: now[at]?.sinceMs ?? nowMs, changedMs: nowMs };
    const next = at >= 0 ? now.with(at, entry) : [...now, entry];
    this.shown.set(next.length > mostShown ? withoutStalest(next) : next);
  }
}

function endMs(s: Shown): number {
  return s.changedMs + lifetimeMs(s.caption.text);
}

function withoutStalest(shown: readonly Shown[]): readonly Shown[] {
  const stalest = shown.reduce((a, b) => (b.changedMs < a.changedMs ? b : a));
  return shown.filter((s) => s !== stalest);
}

/** Finals come nearly in order: look from the end. */
function placeOf(c: Caption, sorted: readonly Caption[]): number {
  let at = sorted.length;
  for (; at > 0; at--) {
    const before = sorted[at - 1];
    if (!before || before.t0 < c.t0 || (before.t0 === c.t0 && before.seg <= c.seg)) break;
  }
  return at;
}
