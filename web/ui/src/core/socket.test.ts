import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerMessage } from './signal';
import { SignalSocket } from './socket';
import { Wire } from './testing/wire';

describe('the signalling socket', () => {
  const heard: ServerMessage[] = [];
  const lost: number[] = [];
  let opened = 0;
  let socket: SignalSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    Wire.all.length = heard.length = lost.length = opened = 0;
    socket = new SignalSocket(
      'ws://test/api/v1/signal',
      { opened: () => opened++, message: (m) => heard.push(m), lost: (n) => lost.push(n) },
      { open: (url) => new Wire(url), random: () => 0.5 },
    );
    socket.start();
  });
  afterEach(() => {
    socket.stop();
    vi.useRealTimers();
  });

  it('says when it is open, and only then sends', () => {
    expect(socket.send({ type: 'ping' })).toBe(false);
    Wire.last.opens();
    expect(opened).toBe(1);
    expect(socket.send({ type: 'ping' })).toBe(true);
    expect(Wire.last.sent).toEqual(['{"type":"ping"}']);
  });

  it('passes on messages, and drops what is none', () => {
    Wire.last.opens();
    Wire.last.says('{"type":"left","participant":"p1"}');
    Wire.last.says('{"type":"hologram"}');
    Wire.last.says('nonsense');
    Wire.last.says(new ArrayBuffer(2));
    expect(heard).toEqual([{ type: 'left', participant: 'p1' }]);
  });

  it('comes back after a loss, later each time, as long as it takes', () => {
    for (let i = 0; i < 30; i++) {
      Wire.last.breaks();
      vi.advanceTimersToNextTimer();
      expect(Wire.all).toHaveLength(i + 2);
    }
    expect(lost).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('starts with a short delay again once the session has settled', () => {
    for (let i = 0; i < 5; i++) {
      Wire.last.breaks();
      vi.advanceTimersToNextTimer();
    }
    Wire.last.opens();
    socket.settled();
    Wire.last.breaks();
    vi.advanceTimersByTime(500);
    expect(Wire.all).toHaveLength(7);
  });

  it('tries at once when the network comes back', () => {
    for (let i = 0; i < 5; i++) {
      Wire.last.breaks();
      vi.advanceTimersToNextTimer();
    }
    Wire.last.breaks();
    socket.hurry();
    expect(Wire.all).toHaveLength(7);
    socket.hurry();
    expect(Wire.all).toHaveLength(7);
  });

  it('finds out soon whether it is dead when the network may be another one', () => {
    Wire.last.opens();
    socket.hurry();
    expect(Wire.last.sent).toEqual(['{"type":"ping"}']);
    Wire.last.says('{"type":"pong"}');
    vi.advanceTimersByTime(10_000);
    expect(lost).toEqual([]);
    socket.hurry();
    socket.hurry();
    vi.advanceTimersByTime(2_500);
    expect(lost).toEqual([0]);
  });

  it('notices a server that answers no ping', () => {
    Wire.last.opens();
    vi.advanceTimersByTime(15_000);
    expect(Wire.last.sent).toEqual(['{"type":"ping"}']);
    Wire.last.says('{"type":"pong"}');
    vi.advanceTimersByTime(14_000);
    expect(lost).toEqual([]);
    vi.advanceTimersByTime(12_000);
    expect(lost).toEqual([0]);
  });

  it('gives up a connection that does not open', () => {
    vi.advanceTimersByTime(10_000);
    expect(lost).toEqual([0]);
  });

  it('hears nothing of a socket it has given up', () => {
    const old = Wire.last;
    old.opens();
    old.breaks();
    old.says('{"type":"left","participant":"p1"}');
    expect(heard).toEqual([]);
  });

  it('stays away while the session gets another token', () => {
    Wire.last.opens();
    socket.hold();
    vi.advanceTimersByTime(120_000);
    expect(Wire.all).toHaveLength(1);
    socket.start();
    expect(Wire.all).toHaveLength(2);
  });

  it('does not come back after it was stopped', () => {
    socket.stop();
    Wire.last.breaks();
    vi.advanceTimersByTime(120_000);
    expect(Wire.all).toHaveLength(1);
  });
});
