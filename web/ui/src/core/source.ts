// One thing we publish (microphone, camera, screen): switched on and off by clicks that may come faster than a device
// opens. The last click wins, and a device that opened too late is closed again.

import { Cell } from './cell';

export type SourceState = 'off' | 'starting' | 'on';

export interface SourceWork<T> {
  /** Opens the device. Undefined: the person changed their mind. */
  open(): Promise<T | undefined>;
  publish(opened: T): Promise<void>;
  withdraw(opened: T): Promise<void>;
  /** Stops the device's tracks. */
  close(opened: T): void;
  failed(reason: unknown): void;
}

export class LocalSource<T> {
  readonly state = new Cell<SourceState>('off');
  readonly opened = new Cell<T | undefined>(undefined);
  readonly #work: SourceWork<T>;
  #wanted = false;
  #running: Promise<void> | undefined;

  constructor(work: SourceWork<T>) {
    this.#work = work;
  }

  toggle(): Promise<void> {
    return this.set(!this.#wanted);
  }

  set(on: boolean): Promise<void> {
    this.#wanted = on;
    return (this.#running ??= this.#settle().finally(() => (this.#running = undefined)));
  }

  /** Closes and opens again, with another device. Off stays off. */
  async reopen(): Promise<void> {
    if (!this.#wanted) return;
    await this.set(false);
    await this.set(true);
  }

  async #settle(): Promise<void> {
    while (this.#wanted !== (this.opened.get() !== undefined)) {
      await (this.#wanted ? this.#start() : this.#stop());
    }
  }

  async #start(): Promise<void> {
    this.state.set('starting');
    try {
      const opened = await this.#work.open();
      if (opened === undefined || !this.#wanted) {
        if (opened !== undefined) this.#work.close(opened);
        this.#wanted = false;
        this.state.set('off');
        return;
      }
      this.opened.set(opened);
      this.state.set('on');
      await this.#work.publish(opened);
    } catch (reason) {
      this.#wanted = false;
      if (this.opened.get() === undefined) this.state.set('off');
      this.#work.failed(reason);
    }
  }

  async #stop(): Promise<void> {
    const opened = this.opened.get();
    this.opened.set(undefined);
    this.state.set('off');
    if (opened === undefined) return;
    this.#work.close(opened); // the device first: muted means that nothing is heard, whatever the network does
    await this.#work.withdraw(opened).catch((reason: unknown) => this.#work.failed(reason));
  }
}
