import { describe, expect, it } from 'vitest';
import type { Found, SearchAnswer } from './hits';
import { Finder } from './finder';

function found(meeting: string, matches = 1): Found {
  return { meeting, room: 'r', roomName: 'Room', beganUnixMs: 1, matches, hits: [] };
}

function answer(meetings: Found[], next = ''): SearchAnswer {
  return { meetings, totalMeetings: 9, totalSegments: 99, exact: true, next, indexing: undefined };
}

/** A server whose answers come when the test says so. */
class Server {
  readonly asked: string[] = [];
  readonly #waiting: { resolve: (a: SearchAnswer) => void; reject: (e: unknown) => void }[] = [];

  search(query: string, where: { after?: string; meeting?: string } = {}): Promise<SearchAnswer> {
    this.asked.push([query, ...Object.entries(where).map((pair) => pair.join('='))].join(' '));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async answers(n: number, a: SearchAnswer): Promise<void> {
    this.#waiting[n]?.resolve(a);
    await settled();
  }

  async fails(n: number, e: unknown): Promise<void> {
    this.#waiting[n]?.reject(e);
    await settled();
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('a search', () => {
  it('goes from the question to the answer', async () => {
    const server = new Server();
    const finder = new Finder(server);
    expect(finder.finding.get()).toEqual({ state: 'idle' });
    void finder.search('  budget ');
    expect(finder.finding.get()).toEqual({ state: 'searching', query: 'budget' });
    await server.answers(0, answer([found('A')]));
    expect(finder.finding.get()).toMatchObject({ state: 'found', query: 'budget', fetching: '' });
    expect(server.asked).toEqual(['budget']);
  });

  it('shows only the answer to the last question', async () => {
    const server = new Server();
    const finder = new Finder(server);
    void finder.search('bud');
    void finder.search('budget');
    await server.answers(1, answer([found('B')]));
    await server.answers(0, answer([found('A')]));
    expect(finder.finding.get()).toMatchObject({ query: 'budget', answer: { meetings: [{ meeting: 'B' }] } });
    void finder.search('again');
    void finder.search(' ');
    await server.fails(2, new Error('late'));
    expect(finder.finding.get()).toEqual({ state: 'idle' });
  });

  it('says why it failed', async () => {
    const server = new Server();
    const finder = new Finder(server);
    void finder.search('budget');
    const trouble = new Error('away');
    await server.fails(0, trouble);
    expect(finder.finding.get()).toEqual({ state: 'failed', query: 'budget', trouble });
    await finder.more();
    await finder.all('A');
    expect(server.asked).toHaveLength(1);
  });

  it('goes on where the answer ended, once at a time', async () => {
    const server = new Server();
    const finder = new Finder(server);
    void finder.search('budget');
    await server.answers(0, answer([found('C'), found('B')], 'B'));
    void finder.more();
    void finder.more();
    void finder.all('C');
    expect(finder.finding.get()).toMatchObject({ fetching: 'more' });
    await server.answers(1, answer([found('A')]));
    expect(finder.finding.get()).toMatchObject({
      fetching: '',
      answer: { next: '', totalMeetings: 9, meetings: [{ meeting: 'C' }, { meeting: 'B' }, { meeting: 'A' }] },
    });
    await finder.more();
    expect(server.asked).toEqual(['budget', 'budget after=B']);
  });

  it('forgets a meeting that was deleted', async () => {
    const server = new Server();
    const finder = new Finder(server);
    finder.drop('A');
    void finder.search('budget');
    await server.answers(0, answer([found('B'), found('A', 7)]));
    finder.drop('A');
    finder.drop('unknown');
    expect(finder.finding.get()).toMatchObject({
      answer: { meetings: [{ meeting: 'B' }], totalMeetings: 8, totalSegments: 92 },
    });
  });

  it('fetches the rest of one meeting, and keeps what is there if that fails', async () => {
    const server = new Server();
    const finder = new Finder(server);
    void finder.search('budget');
    await server.answers(0, answer([found('B', 7), found('A')]));
    void finder.all('B');
    await server.fails(1, new Error('away'));
    expect(finder.finding.get()).toMatchObject({
      fetching: '',
      trouble: new Error('away'),
      answer: { meetings: [{}, {}] },
    });
    void finder.all('B');
    expect(finder.finding.get()).not.toHaveProperty('trouble');
    await server.answers(2, answer([{ ...found('B', 7), roomName: 'whole' }]));
    expect(finder.finding.get()).toMatchObject({ answer: { meetings: [{ roomName: 'whole' }, { meeting: 'A' }] } });
    expect(server.asked.slice(1)).toEqual(['budget meeting=B', 'budget meeting=B']);
  });
});
