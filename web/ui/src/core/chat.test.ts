import { describe, expect, it } from 'vitest';
import { ChatStore, linked, longestChat, tooLong } from './chat';

const said = (id: number, participant = 'ben', text = `message ${id}`) => ({
  id,
  participant,
  name: participant,
  text,
  at_unix_ms: id,
});
const ids = (chat: ChatStore) => chat.messages.get().map((m) => m.id);

describe('the chat', () => {
  it('has no news in what was written before we came', () => {
    const chat = new ChatStore();
    chat.begin(12);
    expect(chat.receive([said(10), said(11)], 'ada')).toEqual([]);
    expect(chat.receive([said(12)], 'ada')).toEqual([]);
    expect(chat.unread.get()).toBe(0);
    expect(ids(chat)).toEqual([10, 11, 12]);
  });

  it('counts what others write while the panel is closed', () => {
    const chat = new ChatStore();
    chat.begin(0);
    expect(chat.receive([said(1)], 'ada')).toHaveLength(1);
    chat.receive([said(2, 'ada')], 'ada');
    chat.receive([said(3)], 'ada');
    expect(chat.unread.get()).toBe(2);
    chat.show(true);
    expect(chat.unread.get()).toBe(0);
    expect(chat.receive([said(4)], 'ada')).toEqual([]);
    chat.show(false);
    expect(chat.unread.get()).toBe(0);
    chat.receive([said(5)], 'ada');
    expect(chat.unread.get()).toBe(1);
  });

  it('has each message once after a loss of connection, and counts those that came meanwhile', () => {
    const chat = new ChatStore();
    chat.begin(0);
    chat.show(true);
    chat.receive([said(1)], 'ada');
    chat.show(false);
    chat.begin(3);
    chat.receive([said(1), said(2), said(3)], 'ada');
    chat.receive([said(3)], 'ada');
    expect(ids(chat)).toEqual([1, 2, 3]);
    expect(chat.unread.get()).toBe(2);
  });

  it('forgets what the server forgot when it restarted', () => {
    const chat = new ChatStore();
    chat.begin(0);
    chat.receive([said(1)], 'ada');
    chat.begin(0);
    expect(ids(chat)).toEqual([]);
    chat.receive([said(1000)], 'ada'); // IDs go on from the clock
    expect(ids(chat)).toEqual([1000]);
  });

  it('keeps no more than the server', () => {
    const chat = new ChatStore();
    chat.begin(0);
    for (let id = 1; id <= 700; id++) chat.receive([said(id)], 'ada');
    expect(ids(chat)).toHaveLength(500);
    expect(ids(chat)[0]).toBe(201);
  });

  it('counts characters as the server does', () => {
    expect(tooLong('🎭'.repeat(longestChat))).toBe(0);
    expect(tooLong(` ${'é'.repeat(longestChat + 3)}\n`)).toBe(3);
  });
});

describe('addresses in a text', () => {
  const links = (text: string) =>
    linked(text)
      .filter((p) => p.href !== undefined)
      .map((p) => p.text);

  it.each([
    ['see https://example.org/a?b=1&c=2#d.', ['https://example.org/a?b=1&c=2#d']],
    ['(https://example.org/x)', ['https://example.org/x']],
    ['https://en.wikipedia.org/wiki/Prompter_(theatre), right?', ['https://en.wikipedia.org/wiki/Prompter_(theatre)']],
    ['« http://example.org » et HTTPS://EXAMPLE.ORG !', ['http://example.org', 'HTTPS://EXAMPLE.ORG']],
    ['https://a.example https://b.example', ['https://a.example', 'https://b.example']],
    ['javascript:alert(1) data:text/html,x ftp://example.org mailto:a@b.c', []],
    ['https://good.example@evil.example/', []],
    ['https:// nothing, nor xhttps://example.org', []],
    ['<a href="https://example.org">', ['https://example.org']],
  ])('%s', (text, expected) => {
    expect(links(text)).toEqual(expected);
  });

  it('leave the text as it is', () => {
    for (const text of ['', 'plain', 'a https://x.example/. b\nhttps://y.example']) {
      expect(
        linked(text)
          .map((p) => p.text)
          .join(''),
      ).toBe(text);
    }
  });

  it('lead where they say', () => {
    for (const p of linked('https://example.org/ü?q=<x> https://münchen.example')) {
      if (p.href === undefined) continue;
      expect(p.href).toMatch(/^https:\/\//);
      expect(p.href).not.toMatch(/[<>"' ]/);
    }
  });
});
