import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Segment } from './transcripts';
import { Player, spokenAt, type Sound } from './player';

/** An audio element moved by the test. */
class Tape extends EventTarget implements Sound {
  src = '';
  currentTime = 0;
  playbackRate = 1;
  defaultPlaybackRate = 1;
  paused = true;
  refuses: unknown;
  readonly loaded: string[] = [];
  play(): Promise<void> {
    if (this.refuses !== undefined) return Promise.reject(this.refuses);
    this.paused = false;
    this.dispatchEvent(new Event('play'));
    return Promise.resolve();
  }
  pause(): void {
    this.paused = true;
    this.dispatchEvent(new Event('pause'));
  }
  removeAttribute(): void {
    this.src = '';
  }
  load(): void {
    this.loaded.push(this.src);
  }
  reaches(seconds: number): void {
    this.currentTime = seconds;
    this.dispatchEvent(new Event('timeupdate'));
  }
}

const ada = { track: 'tada', participant: 'ada', fromMs: 1000, toMs: 60_000 };
const ben = { track: 'tben', participant: 'ben', fromMs: 2000, toMs: 9000 };

describe('the player', () => {
  let tape: Tape;
  let player: Player;
  beforeEach(() => {
    tape = new Tape();
    player = new Player(tape, (track) => `/sound/${track}`);
  });
  afterEach(() => player.stop());

  it('plays a track from a time of the room clock, and says where it is', () => {
    player.playFrom(ada, 12_340);
    expect(tape).toMatchObject({ src: '/sound/tada', currentTime: 12.34, paused: false });
    expect(player.state.get()).toMatchObject({ track: ada, playing: true, atMs: 12_340 });
    tape.reaches(13);
    expect(player.state.get().atMs).toBe(13_000);
  });

  it('moves within a track without loading it again, and changes tracks', () => {
    player.playFrom(ada, 1000);
    tape.src = 'as the browser writes it';
    player.playFrom(ada, 5000);
    expect(tape).toMatchObject({ src: 'as the browser writes it', currentTime: 5 });
    player.playFrom(ben, 3000);
    expect(tape).toMatchObject({ src: '/sound/tben', currentTime: 3 });
  });

  it('pauses, goes on, and stays within the track', () => {
    player.toggle(); // nothing chosen
    expect(tape.paused).toBe(true);
    player.playFrom(ben, 2000);
    player.toggle();
    expect(player.state.get().playing).toBe(false);
    player.toggle();
    expect(player.state.get().playing).toBe(true);
    player.seek(99_000);
    expect(tape.currentTime).toBe(9);
    player.seek(-5);
    expect(tape.currentTime).toBe(0);
  });

  it('keeps its speed from track to track', () => {
    player.setSpeed(1.5);
    player.playFrom(ada, 0);
    expect(tape).toMatchObject({ playbackRate: 1.5, defaultPlaybackRate: 1.5 });
  });

  it('says that it failed, and tries again when asked to', async () => {
    player.playFrom(ada, 4000);
    tape.dispatchEvent(new Event('error'));
    expect(player.state.get()).toMatchObject({ failed: true, playing: false });
    tape.src = '';
    player.toggle();
    expect(tape).toMatchObject({ src: '/sound/tada', currentTime: 4 });
    expect(player.state.get()).toMatchObject({ failed: false, playing: true });
    tape.refuses = new DOMException('', 'NotSupportedError');
    player.playFrom(ben, 0);
    await Promise.resolve();
    await Promise.resolve();
    expect(player.state.get().failed).toBe(true);
  });

  it('takes a source that was changed while it loads for no failure', async () => {
    tape.refuses = new DOMException('', 'AbortError');
    player.playFrom(ada, 0);
    await Promise.resolve();
    await Promise.resolve();
    expect(player.state.get().failed).toBe(false);
  });

  it('ends with nothing loaded and nobody listening', () => {
    player.playFrom(ada, 0);
    player.stop();
    tape.reaches(30);
    expect(tape.src).toBe('');
    expect(player.state.get().atMs).toBe(0);
  });
});

describe('what is heard', () => {
  const said = (seg: string, track: string, t0: number, t1: number): Segment => ({
    seg,
    spk: 'p',
    track,
    t0,
    t1,
    lang: 'en',
    text: seg,
    gap: false,
    original: undefined,
  });
  const segments = [said('a', 't1', 0, 1000), said('b', 't2', 500, 2000), said('c', 't1', 1500, 2500)];

  it.each([
    ['t1', 0, 'a'],
    ['t1', 999, 'a'],
    ['t1', 1000, undefined],
    ['t1', 1600, 'c'],
    ['t2', 1600, 'b'],
    ['t3', 100, undefined],
  ])('on %s at %i ms is %s', (track, ms, seg) => {
    expect(spokenAt(segments, track, ms)?.seg).toBe(seg);
  });
});
