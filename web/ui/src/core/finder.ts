// A search in all meetings: what was asked, and what came back. It lives as long as the page, so that whoever comes back
// from a transcript finds the results where they were. The query stands in no address and no history.

import type { Api } from './api';
import type { Found, SearchAnswer } from './hits';
import { Cell, type Readable } from './cell';

export type Finding =
  | { readonly state: 'idle' }
  | { readonly state: 'searching'; readonly query: string }
  | { readonly state: 'failed'; readonly query: string; readonly trouble: unknown }
  | {
      readonly state: 'found';
      readonly query: string;
      readonly answer: SearchAnswer;
      /** What is being fetched besides: more meetings, or the rest of one (its ID); '' if nothing is. */
      readonly fetching: '' | 'more' | string;
      /** Why the last of that failed. */
      readonly trouble?: unknown;
    };

type Asker = Pick<Api, 'search'>;

export class Finder {
  readonly #api: Asker;
  readonly #finding = new Cell<Finding>({ state: 'idle' });
  /** Counts searches: the answer to one that was replaced is dropped. */
  #turn = 0;

  constructor(api: Asker) {
    this.#api = api;
  }

  get finding(): Readable<Finding> {
    return this.#finding;
  }

  /** Looks for what a person typed; nothing typed ends the search. */
  async search(typed: string): Promise<void> {
    const query = typed.trim();
    const turn = ++this.#turn;
    if (query === '') {
      this.#finding.set({ state: 'idle' });
      return;
    }
    this.#finding.set({ state: 'searching', query });
    try {
      const answer = await this.#api.search(query);
      if (turn === this.#turn) this.#finding.set({ state: 'found', query, answer, fetching: '' });
    } catch (trouble) {
      if (turn === this.#turn) this.#finding.set({ state: 'failed', query, trouble });
    }
  }

  /** Takes a meeting that was deleted out of what was found. */
  drop(meeting: string): void {
    const now = this.#finding.get();
    if (now.state !== 'found') return;
    const gone = now.answer.meetings.find((f) => f.meeting === meeting);
    if (!gone) return;
    const answer = {
      ...now.answer,
      meetings: now.answer.meetings.filter((f) => f !== gone),
      totalMeetings: now.answer.totalMeetings - 1,
      totalSegments: now.answer.totalSegments - gone.matches,
    };
    this.#finding.set({ ...now, answer });
  }

  /** Fetches the meetings that follow. */
  async more(): Promise<void> {
    const now = this.#finding.get();
    if (now.state !== 'found' || now.answer.next === '') return;
    await this.#fetch('more', now.answer.next, '', (old, fresh) => ({
      ...old,
      meetings: [...old.meetings, ...fresh.meetings],
      next: fresh.next,
      indexing: fresh.indexing,
    }));
  }

  /** Fetches all that was found in one meeting. */
  async all(meeting: string): Promise<void> {
    const exchange = (old: readonly Found[], whole: Found | undefined) =>
      old.map((f) => (f.meeting === meeting && whole ? whole : f));
    await this.#fetch(meeting, '', meeting, (old, fresh) => ({
      ...old,
      meetings: exchange(old.meetings, fresh.meetings[0]),
    }));
  }

  async #fetch(
    what: string,
    after: string,
    meeting: string,
    join: (old: SearchAnswer, fresh: SearchAnswer) => SearchAnswer,
  ): Promise<void> {
    const now = this.#finding.get();
    if (now.state !== 'found' || now.fetching !== '') return;
    const turn = this.#turn;
    const { query, answer } = now;
    this.#finding.set({ state: 'found', query, answer, fetching: what });
    try {
      const fresh = await this.#api.search(query, meeting === '' ? { after } : { meeting });
      if (turn === this.#turn) this.#finding.set({ state: 'found', query, answer: join(answer, fresh), fetching: '' });
    } catch (trouble) {
      if (turn === this.#turn) this.#finding.set({ state: 'found', query, answer, fetching: '', trouble });
    }
  }
}
