// Minutes of a meeting: what the server says of them, how they are changed, and how a page follows their making.

import { ApiError, type Api } from './api';
import type { components } from './schema';
import { count, countOr, fields, flagOr, list, oneOf, text, textOr } from './shape';

type Schemas = components['schemas'];

export const minutesStates = ['none', 'queued', 'running', 'partial', 'done', 'failed', 'cancelled'] as const;
export type MinutesState = (typeof minutesStates)[number];
export const details = ['brief', 'normal', 'full'] as const;
export type Detail = (typeof details)[number];
export const engines = ['extractive', 'endpoint'] as const;
export type Engine = (typeof engines)[number];
export const kinds = ['overview', 'point', 'decision', 'action', 'question'] as const;
export type Kind = (typeof kinds)[number];
export const verdicts = ['', 'accepted', 'dismissed'] as const;
export type Verdict = (typeof verdicts)[number];
export const minutesFormats = ['docx', 'md', 'json'] as const;
export type MinutesFormat = (typeof minutesFormats)[number];

export interface MinutesJob {
  readonly state: MinutesState;
  readonly done: number;
  /** 0: not known. */
  readonly of: number;
  /** A code: why there are none, or less than was asked for; '' if all is well. */
  readonly reason: string;
}

export interface Line {
  readonly id: string;
  readonly kind: Kind;
  readonly text: string;
  /** What the engine wrote, if somebody changed the words. */
  readonly original: string;
  /** Segments that it rests on. */
  readonly evidence: readonly string[];
  /** It is what was said. */
  readonly quote: boolean;
  /** Which check it failed; '' if none. */
  readonly unverified: string;
  readonly owner: string;
  readonly due: string;
  /** The day, 2006-01-02; '' if it is not sure. */
  readonly dueDate: string;
  readonly verdict: Verdict;
  readonly byName: string;
  readonly atUnixMs: number;
  /** A person wrote it. */
  readonly added: boolean;
  /** It is from minutes before these. */
  readonly kept: boolean;
}

export interface Topic {
  readonly title: string;
  readonly t0: number;
  readonly t1: number;
  readonly points: readonly Line[];
}

/** Where something was said. */
export interface Cite {
  readonly seg: string;
  readonly t0: number;
}

export interface Document {
  readonly madeUnixMs: number;
  readonly lang: string;
  readonly engine: { readonly name: Engine; readonly model: string; readonly host: string; readonly fellBack: string };
  readonly outdated: boolean;
  readonly textGone: boolean;
  readonly overview: readonly Line[];
  readonly topics: readonly Topic[];
  readonly decisions: readonly Line[];
  readonly actions: readonly Line[];
  readonly questions: readonly Line[];
  readonly warnings: readonly string[];
  readonly cited: ReadonlyMap<string, Cite>;
}

export interface Minutes {
  readonly job: MinutesJob;
  /** A worker is about to make them. */
  readonly awaited: boolean;
  /** They can be made, or made again. */
  readonly possible: boolean;
  /** Host of the language model that may write them; '' if there is none. */
  readonly endpoint: string;
  readonly document: Document | undefined;
  /** Names this version, for changes. */
  readonly etag: string;
}

/** All that somebody makes of a line; what is absent is as the engine wrote it. */
export interface LineChange {
  readonly id: string;
  readonly verdict: Verdict;
  readonly text?: string;
  readonly owner?: string;
  readonly due?: string;
}

export interface NewLine {
  readonly kind: Exclude<Kind, 'point'>;
  readonly text: string;
  readonly owner?: string;
  readonly due?: string;
}

export interface MinutesChange {
  readonly lines?: readonly LineChange[];
  readonly add?: readonly NewLine[];
  readonly remove?: readonly string[];
}

export interface Wish {
  readonly detail?: Detail;
  readonly engine?: Engine;
}

/** What is asked of the minutes of a meeting, by the pages that show them. */
export class MinutesDesk {
  constructor(
    private readonly api: Pick<Api, 'minutes'>,
    private readonly meeting: string,
    private readonly reason: () => string,
  ) {}

  async read(): Promise<Minutes> {
    const { value, etag } = await this.api.minutes(this.meeting, 'GET', '', this.reason());
    return readMinutes(value, etag);
  }

  /** How far they are: cheaper than all of them, and nothing that an admin has to give a reason for. */
  async job(): Promise<MinutesJob> {
    return readJob((await this.api.minutes(this.meeting, 'GET', '/job', '')).value);
  }

  async make(wish: Wish): Promise<MinutesJob> {
    return readJob((await this.api.minutes(this.meeting, 'POST', '/job', this.reason(), wish)).value);
  }

  async cancel(): Promise<MinutesJob> {
    return readJob((await this.api.minutes(this.meeting, 'DELETE', '/job', this.reason())).value);
  }

  /**
   * Makes a change in the minutes as seen. When somebody else changed something else meanwhile, it is made again; if they changed
   * the same line, the error is a MinutesConflict with what stands there now.
   */
  async change(seen: Minutes, change: MinutesChange): Promise<Minutes> {
    let now = seen;
    for (let tries = 1; ; tries++) {
      try {
        const { value, etag } = await this.api.minutes(this.meeting, 'PATCH', '', this.reason(), change, now.etag);
        return readMinutes(value, etag);
      } catch (e) {
        if (!(e instanceof ApiError) || e.code !== 'edited-meanwhile' || tries === mostTries) throw e;
      }
      now = await this.read();
      for (const { id } of change.lines ?? []) {
        if (stateOf(now, id) !== stateOf(seen, id)) throw new MinutesConflict(now);
      }
    }
  }
}

/** How often a change is made again because others changed something else. */
const mostTries = 5;

/** Somebody else changed the same line meanwhile. */
export class MinutesConflict extends Error {
  constructor(readonly now: Minutes) {
    super('the same line was changed meanwhile');
  }
}

function stateOf(m: Minutes, id: string): string {
  const line = m.document && allLines(m.document).find((l) => l.id === id);
  return line ? JSON.stringify([line.verdict, line.text, line.owner, line.due]) : '';
}

export function allLines(d: Document): Line[] {
  return [...d.overview, ...d.topics.flatMap((t) => t.points), ...d.decisions, ...d.actions, ...d.questions];
}

/** Whether somebody works on them, or will. */
export function isWorking(job: MinutesJob): boolean {
  return job.state === 'queued' || job.state === 'running';
}

/** Lines of these kinds are suggestions until somebody accepts them. */
export function isSuggestion(l: Line): boolean {
  return (l.kind === 'decision' || l.kind === 'action' || l.kind === 'question') && l.verdict === '' && !l.added;
}

/** The change that gives a line another verdict and leaves what people wrote in it. */
export function judge(l: Line, verdict: Verdict): LineChange {
  return { ...written(l), verdict };
}

/** What people wrote in a line, as a change that leaves it so. */
function written(l: Line): LineChange {
  return {
    id: l.id,
    verdict: l.verdict,
    ...(l.original === '' ? {} : { text: l.text }),
    ...(l.kind === 'action' && l.atUnixMs > 0 ? { owner: l.owner, due: l.due } : {}),
  };
}

/** The change that a form makes of a line. Whoever changes the words of a suggestion accepts it. */
export function rewrite(l: Line, to: { text: string; owner: string; due: string }): LineChange {
  return {
    id: l.id,
    verdict: l.added || l.kind === 'overview' || l.kind === 'point' ? l.verdict : 'accepted',
    text: to.text,
    ...(l.kind === 'action' ? { owner: to.owner, due: to.due } : {}),
  };
}

export function readMinutes(v: unknown, etag: string): Minutes {
  const m = fields<Schemas['MinutesOutputBody']>(v, 'minutes');
  return {
    job: readJob(m['job']),
    awaited: flagOr(m['awaited'], false),
    possible: flagOr(m['possible'], false),
    endpoint: textOr(m['endpoint'], ''),
    document: m['document'] === undefined ? undefined : readDocument(m['document']),
    etag,
  };
}

export function readJob(v: unknown): MinutesJob {
  const j = fields<Schemas['MinutesJobBody']>(v, 'job');
  return {
    state: oneOf(j['state'], minutesStates, 'state'),
    done: countOr(j['done'], 0),
    of: countOr(j['of'], 0),
    reason: textOr(j['reason'], ''),
  };
}

function readDocument(v: unknown): Document {
  const d = fields<Schemas['MinutesDocument']>(v, 'document');
  const e = fields<Schemas['MinutesEngineBody']>(d['engine'], 'engine');
  const cited = list(d['cited'], readCite, 'cited');
  return {
    madeUnixMs: countOr(d['made_unix_ms'], 0),
    lang: textOr(d['lang'], ''),
    engine: {
      name: oneOf(e['name'], engines, 'engine'),
      model: textOr(e['model'], ''),
      host: textOr(e['host'], ''),
      fellBack: textOr(e['fell_back'], ''),
    },
    outdated: flagOr(d['outdated'], false),
    textGone: flagOr(d['text_gone'], false),
    overview: list(d['overview'], readLine, 'overview'),
    topics: list(d['topics'], readTopic, 'topics'),
    decisions: list(d['decisions'], readLine, 'decisions'),
    actions: list(d['actions'], readLine, 'actions'),
    questions: list(d['questions'], readLine, 'questions'),
    warnings: list(d['warnings'], (w) => text(w, 'warning'), 'warnings'),
    cited: new Map(cited.map((c) => [c.seg, c])),
  };
}

function readTopic(v: unknown): Topic {
  const t = fields<Schemas['MinutesTopicBody']>(v, 'topic');
  return {
    title: textOr(t['title'], ''),
    t0: countOr(t['t0'], 0),
    t1: countOr(t['t1'], 0),
    points: list(t['points'], readLine, 'points'),
  };
}

function readCite(v: unknown): Cite {
  const c = fields<Schemas['CitedBody']>(v, 'cited');
  return { seg: text(c['seg'], 'seg'), t0: count(c['t0'], 't0') };
}

function readLine(v: unknown): Line {
  const l = fields<Schemas['MinutesLineBody']>(v, 'line');
  return {
    id: text(l['id'], 'id'),
    kind: oneOf(l['kind'], kinds, 'kind'),
    text: text(l['text'], 'text'),
    original: textOr(l['original'], ''),
    evidence: list(l['evidence'], (e) => text(e, 'evidence'), 'evidence', 1000),
    quote: flagOr(l['quote'], false),
    unverified: textOr(l['unverified'], ''),
    owner: textOr(l['owner'], ''),
    due: textOr(l['due'], ''),
    dueDate: textOr(l['due_date'], ''),
    verdict: oneOf(l['verdict'] ?? '', verdicts, 'verdict'),
    byName: textOr(l['by_name'], ''),
    atUnixMs: countOr(l['at_unix_ms'], 0),
    added: flagOr(l['added'], false),
    kept: flagOr(l['kept'], false),
  };
}
