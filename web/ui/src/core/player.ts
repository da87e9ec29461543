// Plays the kept sound of a meeting: one track at a time, whose time is the room clock. Plain TypeScript around an audio
// element, which tests replace.

import type { KeptTrack } from './meetings';
import type { Segment } from './transcripts';
import { Cell } from './cell';

/** The sound that is kept: Ogg Opus. */
export const soundType = 'audio/ogg; codecs=opus';

export const speeds = [1, 1.25, 1.5] as const;
export type Speed = (typeof speeds)[number];

/** What this player needs of an audio element. */
export interface Sound extends EventTarget {
  src: string;
  currentTime: number;
  playbackRate: number;
  defaultPlaybackRate: number;
  readonly paused: boolean;
  play(): Promise<void>;
  pause(): void;
  removeAttribute(name: string): void;
  load(): void;
}

export interface Playing {
  /** undefined: nothing was chosen yet. */
  readonly track: KeptTrack | undefined;
  readonly playing: boolean;
  /** Room clock, ms. */
  readonly atMs: number;
  readonly speed: Speed;
  readonly failed: boolean;
}

export class Player {
  readonly state = new Cell<Playing>({ track: undefined, playing: false, atMs: 0, speed: 1, failed: false });
  readonly #sound: Sound;
  readonly #url: (track: string) => string;
  readonly #end = new AbortController();

  /** url gives the address of a track's sound. stop() must be called in the end. */
  constructor(sound: Sound, url: (track: string) => string) {
    this.#sound = sound;
    this.#url = url;
    const { signal } = this.#end;
    const on = (name: string, run: () => void) => sound.addEventListener(name, run, { signal });
    on('timeupdate', () => this.#moved());
    on('seeking', () => this.#moved());
    on('play', () => this.#change({ playing: true, failed: false }));
    on('pause', () => this.#change({ playing: false }));
    on('ended', () => this.#change({ playing: false }));
    on('error', () => this.#failed());
  }

  /** Plays a track from a time of the room clock on. */
  playFrom(track: KeptTrack, ms: number): void {
    if (this.state.get().track?.track !== track.track || this.state.get().failed) {
      this.#sound.src = this.#url(track.track);
      this.#sound.defaultPlaybackRate = this.state.get().speed; // loading begins with it
      this.#change({ track, failed: false });
    }
    this.seek(ms);
    this.#play();
  }

  toggle(): void {
    const { track, atMs, failed } = this.state.get();
    if (!track) return;
    if (failed) return this.playFrom(track, atMs);
    if (this.#sound.paused) this.#play();
    else this.#sound.pause();
  }

  seek(ms: number): void {
    const { track } = this.state.get();
    if (!track) return;
    const atMs = Math.min(Math.max(ms, 0), track.toMs);
    this.#sound.currentTime = atMs / 1000;
    this.#change({ atMs });
  }

  setSpeed(speed: Speed): void {
    this.#sound.defaultPlaybackRate = this.#sound.playbackRate = speed;
    this.#change({ speed });
  }

  /** Ends it: nothing is loaded any more. */
  stop(): void {
    this.#end.abort();
    this.#sound.pause();
    this.#sound.removeAttribute('src');
    this.#sound.load();
  }

  #play(): void {
    // Refused while another source is being loaded: 'play' or 'error' follow, which tell.
    this.#sound.play().catch((e: unknown) => {
      if (!(e instanceof DOMException) || e.name !== 'AbortError') this.#failed();
    });
  }

  #moved(): void {
    this.#change({ atMs: Math.round(this.#sound.currentTime * 1000) });
  }

  #failed(): void {
    this.#change({ playing: false, failed: true });
  }

  #change(change: Partial<Playing>): void {
    this.state.update((s) => ({ ...s, ...change }));
  }
}

/** The segment that is heard at a time of a track; undefined in a pause. */
export function spokenAt(segments: readonly Segment[], track: string, ms: number): Segment | undefined {
  return segments.find((s) => s.track === track && s.t0 <= ms && ms < s.t1);
}
