// The signalling socket: one WebSocket at a time, opened again for as long as the meeting lasts. It knows frames and
// time, not meetings: the session decides what a message means and whether to go on.

import { delayMs } from './backoff';
import { parseServer, type ClientMessage, type ServerMessage } from './signal';

export interface SocketEvents {
  /** The socket is open: say hello. */
  opened(): void;
  message(m: ServerMessage): void;
  /** The socket is lost; the next try follows after retryMs. */
  lost(attempt: number, retryMs: number): void;
}

/** What the socket needs of a browser, so that tests bring their own. */
export interface SocketWorld {
  open(url: string): WebSocket;
  random(): number;
}

const browserWorld: SocketWorld = { open: (url) => new WebSocket(url), random: () => Math.random() };

const pingEveryMs = 15_000;
const pongWithinMs = 10_000;
const quickPongMs = 2_500;
const openWithinMs = 10_000;
const openState = 1; // WebSocket.OPEN

export class SignalSocket {
  readonly #url: string;
  readonly #events: SocketEvents;
  readonly #world: SocketWorld;
  #ws: WebSocket | undefined;
  #attempt = 0;
  #stopped = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, events: SocketEvents, world: SocketWorld = browserWorld) {
    this.#url = url;
    this.#events = events;
    this.#world = world;
  }

  start(): void {
    this.#connect();
  }

  /** Sends now or not at all: after a loss the session rebuilds its state, so nothing is queued. */
  send(m: ClientMessage): boolean {
    if (this.#ws?.readyState !== openState) return false;
    this.#ws.send(JSON.stringify(m));
    return true;
  }

  /** The connection proved itself (welcome came): the next loss starts with a short delay again. */
  settled(): void {
    this.#attempt = 0;
  }

  /** Drops the socket and comes back at once or after the usual delay. */
  reopen(): void {
    this.#drop();
  }

  /** Closes the socket and stays away until start: the session needs another token first. */
  hold(): void {
    const ws = this.#ws;
    this.#ws = undefined;
    this.#clear();
    ws?.close();
  }

  /** The network came back, or may be another one: tries now, if it was waiting, or finds out soon whether it is dead. */
  hurry(): void {
    if (this.#stopped) return;
    if (this.#retry === undefined) return this.#sendPing(quickPongMs);
    clearTimeout(this.#retry);
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
    this.#ws?.close(1000);
    this.#ws = undefined;
  }

  #connect(): void {
    this.#clear();
    const ws = this.#world.open(this.#url);
    this.#ws = ws;
    const current = () => this.#ws === ws;
    this.#deadline = setTimeout(() => current() && this.#drop(), openWithinMs);
    ws.onopen = () => {
      if (!current()) return;
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
      this.#ping = setInterval(() => this.#sendPing(pongWithinMs), pingEveryMs);
      this.#events.opened();
    };
    ws.onmessage = (e: MessageEvent<unknown>) => current() && this.#receive(e.data);
    ws.onclose = () => current() && this.#drop();
  }

  #receive(frame: unknown): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    const m = typeof frame === 'string' ? readOrNothing(frame) : undefined;
    if (m && m.type !== 'pong') this.#events.message(m);
  }

  #sendPing(withinMs: number): void {
    if (!this.send({ type: 'ping' })) return;
    if (withinMs < pongWithinMs) {
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
    }
    this.#deadline ??= setTimeout(() => this.#drop(), withinMs);
  }

  #drop(): void {
    const ws = this.#ws;
    this.#ws = undefined;
    this.#clear();
    ws?.close();
    if (this.#stopped) return;
    const wait = delayMs(this.#attempt, this.#world.random());
    this.#retry = setTimeout(() => this.#connect(), wait);
    this.#events.lost(this.#attempt, wait);
    this.#attempt += 1;
  }

  #clear(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#deadline);
    clearInterval(this.#ping);
    this.#retry = this.#deadline = this.#ping = undefined;
  }
}

/** A frame that is no message of this version is dropped: a newer server may speak of more. */
function readOrNothing(frame: string): ServerMessage | undefined {
  try {
    return parseServer(frame);
  } catch {
    return undefined;
  }
}
