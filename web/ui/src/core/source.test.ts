import { describe, expect, it } from 'vitest';
import { LocalSource } from './source';

/** A device whose opening the test finishes. */
class Device {
  readonly log: string[] = [];
  #answers: ((opened: string | undefined) => void)[] = [];
  #refusals: ((reason: unknown) => void)[] = [];
  readonly source = new LocalSource<string>({
    open: () => {
      this.log.push('open');
      return new Promise((resolve, reject) => {
        this.#answers.push(resolve);
        this.#refusals.push(reject);
      });
    },
    publish: async (t) => void this.log.push(`publish ${t}`),
    withdraw: async (t) => void this.log.push(`withdraw ${t}`),
    close: (t) => void this.log.push(`close ${t}`),
    failed: () => void this.log.push('failed'),
  });
  opens(track: string | undefined): void {
    this.#answers.shift()?.(track);
    this.#refusals.shift();
  }
  refuses(): void {
    this.#refusals.shift()?.(new Error('denied'));
    this.#answers.shift();
  }
}

describe('a source', () => {
  it('opens, publishes, and stops the device when switched off', async () => {
    const dev = new Device();
    const on = dev.source.set(true);
    expect(dev.source.state.get()).toBe('starting');
    dev.opens('t1');
    await on;
    expect(dev.source.state.get()).toBe('on');
    await dev.source.set(false);
    expect(dev.log).toEqual(['open', 'publish t1', 'close t1', 'withdraw t1']);
    expect(dev.source.state.get()).toBe('off');
  });

  it('closes a device that opened after the reader had switched it off', async () => {
    const dev = new Device();
    const on = dev.source.set(true);
    void dev.source.set(false);
    dev.opens('t1');
    await on;
    expect(dev.log).toEqual(['open', 'close t1']);
    expect(dev.source.state.get()).toBe('off');
  });

  it('follows the last of several quick clicks', async () => {
    const dev = new Device();
    const on = dev.source.set(true);
    void dev.source.toggle();
    void dev.source.toggle();
    dev.opens('t1');
    await on;
    expect(dev.source.state.get()).toBe('on');
    expect(dev.log).toEqual(['open', 'publish t1']);
  });

  it('is off and says so when the device is refused', async () => {
    const dev = new Device();
    const on = dev.source.set(true);
    dev.refuses();
    await on;
    expect(dev.log).toEqual(['open', 'failed']);
    expect(dev.source.state.get()).toBe('off');
    const again = dev.source.toggle();
    dev.opens('t2');
    await again;
    expect(dev.source.state.get()).toBe('on');
  });

  it('is off when the person changed their mind', async () => {
    const dev = new Device();
    const on = dev.source.set(true);
    dev.opens(undefined);
    await on;
    expect(dev.source.state.get()).toBe('off');
    expect(dev.log).toEqual(['open']);
  });

  it('opens anew for another device, and not while off', async () => {
    const dev = new Device();
    await dev.source.reopen();
    expect(dev.log).toEqual([]);
    const on = dev.source.set(true);
    dev.opens('t1');
    await on;
    const again = dev.source.reopen();
    await Promise.resolve();
    await new Promise((r) => setTimeout(r));
    dev.opens('t2');
    await again;
    expect(dev.log).toEqual(['open', 'publish t1', 'close t1', 'withdraw t1', 'open', 'publish t2']);
  });
});
