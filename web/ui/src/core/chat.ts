// What people write to each other. It lives as long as the page: the server keeps it for those who come late, and forgets
// it at the end of the meeting.

import { Cell } from './cell';
import type { ChatMessage } from './signal';

export const longestChat = 2_000; // code points, as the server counts
/** As many as the server keeps; the oldest go first. */
const mostKept = 500;

export class ChatStore {
  readonly messages = new Cell<readonly ChatMessage[]>([]);
  /** Messages of others since the panel was last open. */
  readonly unread = new Cell(0);
  #begun = false;
  #readUpTo = 0; // ID of a message
  #open = false;

  /**
   * A welcome came, whose history, up to the message `last`, follows and replaces what we have. What was written before
   * we came for the first time is no news; what was written while our connection was lost is.
   */
  begin(last: number): void {
    if (!this.#begun) this.#readUpTo = last;
    this.#begun = true;
    this.messages.set([]);
  }

  /** The meeting is another one. */
  forget(): void {
    this.messages.set([]);
    this.unread.set(0);
    this.#begun = false;
  }

  /** Takes messages, and returns those of others that are news to somebody who has the panel closed. */
  receive(list: readonly ChatMessage[], me: string): ChatMessage[] {
    const now = this.messages.get();
    const last = now.at(-1)?.id ?? 0;
    const fresh = list.filter((m) => m.id > last);
    this.messages.set([...now, ...fresh].slice(-mostKept));
    const newest = fresh.at(-1)?.id ?? 0;
    if (this.#open) this.#readUpTo = Math.max(this.#readUpTo, newest);
    const news = fresh.filter((m) => m.id > this.#readUpTo && m.participant !== me);
    this.unread.set(this.messages.get().filter((m) => m.id > this.#readUpTo && m.participant !== me).length);
    return news;
  }

  /** The panel is on screen, or is not any more. */
  show(open: boolean): void {
    this.#open = open;
    if (!open) return;
    this.#readUpTo = Math.max(this.#readUpTo, this.messages.get().at(-1)?.id ?? 0);
    this.unread.set(0);
  }
}

/** Whether a text may be sent, and how many code points are too many. */
export function tooLong(text: string): number {
  return Math.max(0, Array.from(text.trim()).length - longestChat);
}

export type ChatPart = { readonly text: string; readonly href: string | undefined };

const address = /\bhttps?:\/\/[^\s<>"'`{}|\\^]+/giu;

/** Splits a text at its web addresses. Only http and https become links, and each shows the address it leads to. */
export function linked(text: string): ChatPart[] {
  const parts: ChatPart[] = [];
  let from = 0;
  for (const match of text.matchAll(address)) {
    const found = trimmed(match[0]);
    const href = addressOf(found);
    if (href === undefined) continue;
    if (match.index > from) parts.push({ text: text.slice(from, match.index), href: undefined });
    parts.push({ text: found, href });
    from = match.index + found.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), href: undefined });
  return parts;
}

/** Without the punctuation of the sentence around an address; a bracket stays if it was opened inside. */
function trimmed(found: string): string {
  let text = found;
  for (;;) {
    const last = text.at(-1) ?? '';
    const unopened = last === ')' && (text.match(/\(/g)?.length ?? 0) < (text.match(/\)/g)?.length ?? 0);
    if (!/[.,;:!?…»”’\]]/u.test(last) && !unopened) return text;
    text = text.slice(0, -1);
  }
}

function addressOf(text: string): string | undefined {
  try {
    const url = new URL(text);
    // An address with a user name in it looks like another host than it leads to.
    const honest =
      (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
    return honest && url.hostname !== '' ? url.href : undefined;
  } catch {
    return undefined;
  }
}
