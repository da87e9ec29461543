// What one page received and showed, and what can be asked of that.

export class CaptionLog {
  /** notes: what recorder.js collected in a page. */
  constructor(notes) {
    this.wire = notes.wire;
    this.screen = notes.screen;
    this.microphones = notes.microphones;
  }

  /** The final captions that were received, the newest version of each segment, by time; empty ones withdraw partials. */
  finals() {
    const newest = new Map();
    for (const c of this.wire.filter((c) => c.final)) {
      const old = newest.get(c.seg);
      if (!old || c.rev > old.rev) newest.set(c.seg, c);
    }
    return [...newest.values()].filter((c) => c.text.trim() !== '').sort((a, b) => a.t0 - b.t0);
  }

  /** Final captions that stood on the screen: the newest state of each segment. */
  finalsShown() {
    const newest = new Map();
    for (const s of this.screen) if (s.final && !s.left) newest.set(s.seg, s);
    return [...newest.values()];
  }

  /** States on screen of each segment, as they came. */
  bySegment() {
    const all = new Map();
    for (const s of this.screen) if (!s.left) all.set(s.seg, [...(all.get(s.seg) ?? []), s]);
    return all;
  }

  /** Segments that were refined on screen: at least two partial revisions, then a final. */
  refined() {
    return [...this.bySegment().entries()]
      .filter(([, states]) => partialRevisions(states) >= 2 && states.at(-1).final)
      .map(([seg]) => seg);
  }

  /** Steps back: a lower revision after a higher one, or a partial after the final. */
  setbacks() {
    const found = [];
    for (const [seg, states] of this.bySegment()) {
      for (const [i, now] of states.slice(1).entries()) {
        const before = states[i];
        const back = before.final && !now.final;
        if (back || (before.final === now.final && now.rev < before.rev)) found.push({ seg, before, now });
      }
    }
    return found;
  }

  /** Segments whose final stood on the screen, left it, and came again. */
  shownTwice() {
    const final = new Map();
    const gone = new Set();
    const twice = new Set();
    for (const s of this.screen) {
      if (s.left && final.get(s.seg)) gone.add(s.seg);
      if (s.left) continue;
      if (gone.has(s.seg)) twice.add(s.seg);
      final.set(s.seg, s.final);
    }
    return [...twice];
  }

  /** All that stood on the screen under a name. */
  textUnder(name) {
    const of = this.screen.filter((s) => !s.left && s.speakerName === name);
    return of.map((s) => s.text).join(' ');
  }

  /** What was said under a name, from the final captions. */
  saidBy(participant) {
    const of = this.finals().filter((c) => c.spk.split('/')[0] === participant);
    return of.map((c) => c.text).join(' ');
  }

  /** Milliseconds from the arrival of a caption to its appearance, for each that appeared. */
  paintDelays() {
    const arrivals = new Map(this.wire.map((c) => [`${c.seg} ${c.rev} ${c.final}`, c.at]));
    return this.screen
      .filter((s) => !s.left && arrivals.has(`${s.seg} ${s.rev} ${s.final}`))
      .map((s) => s.at - arrivals.get(`${s.seg} ${s.rev} ${s.final}`));
  }

  /** Milliseconds from the arrival of each segment's final to that of one that says which voice it is (first), and of the last change of that (last). */
  labelDelays() {
    const segments = new Map();
    for (const c of this.wire.filter((c) => c.final && c.text.trim() !== '')) {
      const whole = c.seg.split('-')[0]; // what a segment is cut into are SEG, SEG-2, …
      const s = segments.get(whole) ?? { final: c.at, voices: new Map() };
      segments.set(whole, s);
      if (!c.spk.includes('/voice-') || s.voices.get(c.seg) === c.spk) continue;
      s.voices.set(c.seg, c.spk);
      s.first ??= c.at;
      s.last = c.at;
    }
    return [...segments.values()].filter((s) => s.first !== undefined).map((s) => ({ first: s.first - s.final, last: s.last - s.final }));
  }

  /** When the first caption of a participant stood on the screen after a moment. */
  firstShownAfter(moment, participant) {
    return this.screen.find((s) => !s.left && s.at >= moment && s.speaker === participant)?.at;
  }
}

function partialRevisions(states) {
  return new Set(states.filter((s) => !s.final).map((s) => s.rev)).size;
}
