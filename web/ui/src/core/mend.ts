// Watches one peer connection and says when ICE must be restarted: at a failure at once, at a disconnection when it
// lasts, and again until it helps. A connection that does not come up gets the relays, which cost the server memory and
// bandwidth for everybody who asks for one, so nobody does before he needs one.

export interface Patient {
  readonly connectionState: RTCPeerConnectionState;
  getConfiguration(): RTCConfiguration;
  setConfiguration(c: RTCConfiguration): void;
}

export interface MendEvents {
  /** Restart ICE now. False if that cannot be said at the moment: without a signalling connection. */
  restart(): boolean;
  /** Restarts did not help: begin anew. */
  failed(): void;
  /** What relays there are, with the newest credentials. */
  relays(): readonly RTCIceServer[];
  /** It came up for the first time only with relays: others should not wait for theirs. */
  relayed(): void;
}

/** A connection that comes up takes one or two seconds at most, on any network that lets it. */
export const upWithinMs = 4_000;
/** Browsers call a connection disconnected after some seconds of silence; many come back by themselves. */
export const lastsMs = 2_000;
/** How long a restart may take before the next try, and how many there are before everything begins anew. */
export const againMs = 5_000;
export const mostTries = 6;

export class Mender {
  readonly #pc: Patient;
  readonly #events: MendEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tries = 0;
  #wasUp = false;
  #askedRelays = false;
  #stopped = false;

  constructor(pc: Patient, events: MendEvents) {
    this.#pc = pc;
    this.#events = events;
  }

  /** The connection has been offered or answered: it should come up now. */
  begun(): void {
    if (this.#pc.connectionState !== 'connected' && this.#timer === undefined) this.#wait(upWithinMs);
  }

  /** connectionState has changed. */
  changed(): void {
    const state = this.#pc.connectionState;
    if (state === 'connected') {
      if (!this.#wasUp && this.#askedRelays) this.#events.relayed();
      this.#wasUp = true;
      this.#tries = 0;
      return this.#clear();
    }
    if (state === 'failed') return this.now();
    if (state === 'disconnected') this.#wait(lastsMs);
  }

  /** The network may be another one, or signalling is back: restarts what is not connected, or all if all is suspect. */
  now(suspect: 'broken' | 'all' = 'broken'): void {
    if (this.#stopped || (suspect === 'broken' && this.#pc.connectionState === 'connected')) return;
    if (this.#tries >= mostTries) {
      this.stop();
      return this.#events.failed();
    }
    if (suspect === 'broken') this.#askRelays();
    this.#wait(againMs);
    if (this.#events.restart()) this.#tries += 1;
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
  }

  #wait(ms: number): void {
    this.#clear();
    if (!this.#stopped) this.#timer = setTimeout(() => this.now(), ms);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #askRelays(): void {
    const relays = this.#events.relays();
    if (relays.length === 0) return;
    this.#askedRelays = true;
    try {
      this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers: [...relays] });
    } catch {
      // Without relays the restart may still help.
    }
  }
}
