// One whole meeting: two people in two browsers, one recording each, real speech recognition.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readers } from '../harness/exports.js';
import { microphone } from '../harness/microphone.js';
import { speakers } from '../harness/places.js';
import { until } from '../harness/processes.js';
import { Figures, percentile } from '../harness/report.js';
import { Stage } from '../harness/stage.js';
import { strayWords, wordErrorRate } from '../harness/words.js';

const offLimitMs = 2_000;
const errorLimit = 25; // percent

test('a meeting of two with captions', { timeout: 400_000 }, async (t) => {
  const stage = await Stage.set('meeting');
  const figures = new Figures('One meeting, two browsers');
  try {
    await new Meeting(stage, figures).held(t);
  } finally {
    await stage.clear();
    figures.publish(stage.results);
  }
});

class Meeting {
  constructor(stage, figures) {
    this.stage = stage;
    this.figures = figures;
    this.server = stage.server;
  }

  async held(t) {
    const step = (name, body) => this.stage.step(t, name, body);
    await step('both join, the organizer through the home page, the guest by the link', () => this.begins());
    await step('nothing is captioned while the AI is off', () => this.silentWhileOff());
    await step('the organizer raises the level while talking, and both see it', () => this.levelRaised());
    await step('both speak, and their words appear in both pages', () => this.bothSpeak());
    await step('captions are refined in place, then final, and never step back', () => this.refinedInOrder());
    await step('every caption stands under the name of who said it', () => this.underRightNames());
    await step('few words are wrong', () => this.fewWordsWrong());
    await step('captions appear as soon as they arrive', () => this.paintedAtOnce());
    await step('the captions on screen are no live region', () => this.noLiveRegion());
    await step('a guest may neither switch the AI nor download', () => this.guestRefused());
    await step('the stored transcript holds the final captions, and no other', () => this.storedAsShown());
    await step('switching the AI off ends captions within 2 s', () => this.switchedOff());
    await step('the transcript page shows what was said', () => this.transcriptPage());
    await step('every download can be read', () => this.downloads());
    await step('the end of the meeting leads to minutes whose every chip opens a segment', () => this.minutes());
    await step('no page complained', () => this.noComplaints());
  }

  async begins() {
    const [first, second] = speakers();
    const { stage } = this;
    // Grace begins later, then both talk at once: captions of one voice, and of two at a time. Without long pauses, so that
    // captions have time to be refined.
    const longestPauseMs = 300;
    this.voices = [
      await microphone(stage.results, 'ada', first, { longestPauseMs }),
      await microphone(stage.results, 'grace', second, { leadMs: 6_000, longestPauseMs }),
    ];
    this.ada = await stage.person('Ada', { microphone: this.voices[0].file });
    this.grace = await stage.person('Grace', { microphone: this.voices[1].file });
    this.link = await this.ada.createsRoom(this.server.url, 'Browser test');
    await this.ada.joins();
    await this.grace.joins(this.link);
    await Promise.all([this.ada.sees(this.grace), this.grace.sees(this.ada)]);
    [this.meeting] = await this.server.meetings();
  }

  get everybody() {
    return [this.ada, this.grace];
  }

  logs() {
    return Promise.all(this.everybody.map((p) => p.log()));
  }

  async silentWhileOff() {
    await this.ada.speaks();
    await sleep(5_000); // speech begins at 2.7 s at the latest
    for (const log of await this.logs()) {
      assert.equal(log.wire.length, 0, 'nothing was sent');
      assert.equal(log.screen.length, 0, 'nothing was shown');
    }
  }

  async levelRaised() {
    await this.ada.setsLevel('minutes'); // captions and a transcript, too
    for (const person of this.everybody) {
      await until(`${person.name} sees the level`, async () => (await person.level()) === 'minutes', 3_000);
      await person.turns('cc', true);
    }
    await this.grace.page.getByTestId('ai-banner').filter({ hasText: 'Ada' }).waitFor();
    await until('a caption of what Ada says', async () => (await this.grace.log()).wire.length > 0, 30_000);
    await this.ada.mutes();
    await this.grace.captionsRest();
  }

  async bothSpeak() {
    this.began = await Promise.all(this.everybody.map((p) => p.speaks()));
    this.spokeFrom = Math.min(...this.began);
    await sleep(Math.max(...this.voices.map((v) => v.clips.at(-1).endMs)));
    await sleep(1_500);
    await Promise.all(this.everybody.map((p) => p.mutes()));
    await this.grace.captionsRest();
    const [a, b] = await this.logs();
    assert.deepEqual(a.finals().map(essence), b.finals().map(essence), 'both pages got the same finals');
    this.delays(b);
  }

  /** What was said since both unmuted; before, Ada's sentence was cut by the switch. */
  said(log, person) {
    const from = this.spokeFrom - this.meeting.began_unix_ms;
    const of = log.finals().filter((c) => c.t0 >= from && c.spk.split('/')[0] === person.participant);
    return of.map((c) => c.text).join(' ');
  }

  /** Notes how late captions were: speech begins and ends where the recording says, counted from the open microphone. */
  delays(log) {
    const firsts = [];
    const lasts = [];
    for (const [i, person] of this.everybody.entries()) {
      for (const clip of this.voices[i].clips) {
        const [from, to] = [this.began[i] + clip.startMs, this.began[i] + clip.endMs];
        const first = log.firstShownAfter(from, person.participant);
        if (first !== undefined) firsts.push(first - from);
        const ends = log.wire.filter((c) => c.final && this.within(c, person, from, to)).map((c) => c.at);
        if (ends.length > 0) lasts.push(Math.max(...ends) - to);
      }
    }
    this.figures.add('first partial after speech begins, median', percentile(firsts, 50), 'ms');
    this.figures.add('first partial after speech begins, worst', percentile(firsts, 100), 'ms');
    this.figures.add('last final after speech ends, median', percentile(lasts, 50), 'ms');
    this.figures.add('last final after speech ends, worst', percentile(lasts, 100), 'ms');
  }

  within(c, person, from, to) {
    const at = this.meeting.began_unix_ms + c.t0;
    return c.spk.split('/')[0] === person.participant && at > from - 800 && at < to + 300;
  }

  async refinedInOrder() {
    for (const [i, log] of (await this.logs()).entries()) {
      assert.ok(log.refined().length >= 1, `${this.everybody[i].name}'s page shows no caption that was refined twice`);
      assert.deepEqual(log.setbacks(), []);
    }
    const [log] = await this.logs();
    const revisions = [...log.bySegment().values()].map((states) => states.filter((s) => !s.final).length);
    this.figures.add('revisions of a caption before its final, median', percentile(revisions, 50));
  }

  async underRightNames() {
    for (const log of await this.logs()) {
      for (const s of log.screen.filter((s) => !s.left)) {
        const who = this.everybody.find((p) => p.name === s.speakerName);
        assert.equal(s.speaker, who?.participant, `${s.speakerName} heads the words of ${s.speaker}`);
      }
      const [ada, grace] = this.voices.map((v) => v.text);
      assert.deepEqual(strayWords(log.textUnder('Ada'), ada, grace), [], "Grace's words under Ada");
      assert.deepEqual(strayWords(log.textUnder('Grace'), grace, ada), [], "Ada's words under Grace");
    }
  }

  async fewWordsWrong() {
    const log = await this.grace.log();
    for (const [i, person] of this.everybody.entries()) {
      const wrong = 100 * wordErrorRate(this.voices[i].text, this.said(log, person));
      this.figures.add(`word error rate of ${person.name}`, wrong, '%', errorLimit);
      assert.ok(wrong <= errorLimit, `${person.name}: ${wrong.toFixed(1)} % of words are wrong: ${this.said(log, person)}`);
    }
  }

  async paintedAtOnce() {
    const delays = (await this.logs()).flatMap((log) => log.paintDelays());
    this.figures.add('caption on screen after it arrived, p95', percentile(delays, 95), 'ms', 100);
    assert.ok(delays.length > 10, `${delays.length} captions were timed`);
    assert.ok(percentile(delays, 95) <= 100, `p95 of ${percentile(delays, 95)} ms`);
  }

  async noLiveRegion() {
    for (const person of this.everybody) {
      const live = await person.page.getByTestId('captions').first().evaluate((overlay) => {
        const region = '[aria-live]:not([aria-live="off"]), [role="log"], [role="status"], [role="alert"]';
        return overlay.closest(region) !== null || overlay.querySelector(region) !== null;
      });
      assert.equal(live, false);
    }
  }

  async guestRefused() {
    const { room, id } = this.meeting;
    const refused = async (...question) => {
      const answer = await this.grace.asks(...question);
      assert.equal(answer.status, 403, question.join(' '));
      assert.match(answer.type, /^application\/problem\+json/);
    };
    await refused('PUT', `/rooms/${room}/ai`, { level: 'off' });
    await refused('GET', `/meetings/${id}/export?format=vtt`);
    await refused('GET', `/meetings/${id}/transcript`);
    assert.equal(await this.grace.page.getByTestId('ai-level').count(), 0, 'no switch for guests');
    assert.equal((await this.ada.asks('GET', `/rooms/${room}`)).status, 200);
  }

  async storedAsShown() {
    const log = await this.grace.log();
    const finals = log.finals().map(essence);
    let stored;
    await until('the transcript holds all finals', async () => {
      stored = (await this.server.transcript(this.meeting.id)).segments.map(essence);
      return stored.length >= finals.length;
    }, 30_000);
    assert.deepEqual(inOrder(stored), inOrder(finals));
    const newest = new Map(log.finals().map((c) => [c.seg, c]));
    for (const shown of log.finalsShown()) {
      const c = newest.get(shown.seg);
      if (c.rev === shown.rev) assert.equal(plain(shown.text), plain(c.text), 'shown as stored');
    }
  }

  async switchedOff() {
    await Promise.all(this.everybody.map((p) => p.speaks()));
    const running = async () => (await this.grace.log()).wire.filter((c) => !c.final && Date.now() - c.at < 1_500).length > 0;
    await until('captions are under way', running, 30_000);
    const off = Date.now();
    await this.ada.setsLevel('off');
    await sleep(6_000);
    for (const log of await this.logs()) {
      const lastSent = Math.max(...log.wire.map((c) => c.at)) - off;
      const lastShown = Math.max(...log.screen.map((s) => s.at)) - off;
      assert.ok(lastSent <= offLimitMs, `the last caption was sent ${lastSent} ms after the switch`);
      assert.ok(lastShown <= offLimitMs, `the screen was empty ${lastShown} ms after the switch`);
      this.figures.add('screen empty after the AI was switched off', lastShown, 'ms', offLimitMs);
      this.figures.add('last caption sent after the AI was switched off', Math.max(0, lastSent), 'ms', offLimitMs);
      assert.ok(log.screen.at(-1)?.left, 'no caption stands on the screen');
    }
    await Promise.all(this.everybody.map((p) => p.mutes()));
    this.transcript = await this.server.transcript(this.meeting.id);
    const late = this.transcript.segments.filter((s) => this.meeting.began_unix_ms + s.t0 > off + 1_000);
    assert.deepEqual(late, [], 'nothing said after the switch is stored');
  }

  async transcriptPage() {
    await Promise.all(this.everybody.map((p) => p.leaves()));
    const { page } = this.ada;
    await page.goto(`${this.server.url}/meetings`);
    await page.getByTestId('meeting-entry').first().click();
    await page.getByTestId('transcript-row').first().waitFor();
    this.transcript = await this.server.transcript(this.meeting.id);
    const rows = await page.getByTestId('transcript-row').evaluateAll((all) =>
      all.map((row) => ({ seg: row.dataset.seg, name: row.dataset.speakerName, text: row.textContent.trim() })),
    );
    assert.deepEqual(inOrder(rows.map(essence)), inOrder(this.transcript.segments.map(essence)));
    assert.deepEqual(new Set(rows.map((r) => r.name)), new Set(['Ada', 'Grace']));
    await page.getByTestId('transcript-search').fill(longestWord(rows[0].text));
    await until('fewer rows after a search', async () => {
      const found = await page.getByTestId('transcript-row').count();
      return found >= 1 && found <= rows.length;
    });
    await page.getByTestId('transcript-search').fill('');
  }

  async downloads() {
    const { page } = this.ada;
    for (const [format, read] of Object.entries(readers)) {
      if (!(await page.getByTestId(`download-${format}`).isVisible())) await page.getByTestId('download').click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(`download-${format}`).click()]);
      assert.match(download.suggestedFilename(), new RegExp(`\\.${format}$`));
      const cues = read(await textOf(download));
      assert.ok(cues.length > 0, `${format} has content`);
      const all = plain(cues.map((c) => c.text).join(' '));
      const word = longestWord(this.transcript.segments[0].text);
      assert.ok(all.includes(word), `${format} has the word of the transcript`);
    }
  }

  /** The page is open while the meeting ends and minutes are made: it shows them by itself. */
  async minutes() {
    const { page } = this.ada;
    const ended = await this.ada.asks('POST', `/rooms/${this.meeting.room}/end`, {});
    assert.equal(ended.status, 204);
    await page.locator('[data-testid="minutes"][data-state="done"]').waitFor({ timeout: 90_000 });
    assert.equal(await page.locator('#minutes').innerText(), 'Key excerpts');
    const cited = await page.getByTestId('minutes-chip').evaluateAll((all) => all.map((c) => c.dataset.seg));
    assert.ok(cited.length > 0, 'there are chips');
    for (const seg of new Set(cited)) {
      await page.locator(`[data-testid="minutes-chip"][data-seg="${seg}"]`).first().click();
      await until(`${seg} has the focus`, () => page.evaluate((s) => document.activeElement?.dataset.seg === s, seg));
    }
    this.figures.add('chips of minutes that open a segment', cited.length);
  }

  async noComplaints() {
    for (const person of this.everybody) assert.deepEqual(person.complaints, [], `${person.name}'s page`);
  }
}

function essence({ seg, text }) {
  return { seg, text: text.trim() };
}

function plain(text) {
  return text.trim().replace(/\s+/g, ' ');
}

function inOrder(segments) {
  return [...segments].sort((a, b) => (a.seg < b.seg ? -1 : 1));
}

function longestWord(text) {
  return text.split(/[^\p{L}]+/u).reduce((a, b) => (b.length > a.length ? b : a), '');
}

async function textOf(download) {
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
