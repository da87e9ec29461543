import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { againMs, lastsMs, Mender, mostTries, upWithinMs } from './mend';

/** A peer connection as far as the mender looks at it. */
class Connection {
  connectionState: RTCPeerConnectionState = 'new';
  configuration: RTCConfiguration = { bundlePolicy: 'max-bundle' };
  getConfiguration(): RTCConfiguration {
    return this.configuration;
  }
  setConfiguration(c: RTCConfiguration): void {
    this.configuration = c;
  }
}

describe('mending a connection', () => {
  const relays = [{ urls: ['turn:relay.test:3478'], username: 'u', credential: 'c' }];
  let pc: Connection;
  let restarts: number;
  let failures: number;
  let relayed: number;
  let heard: boolean;
  let mender: Mender;

  const becomes = (state: RTCPeerConnectionState) => {
    pc.connectionState = state;
    mender.changed();
  };

  beforeEach(() => {
    vi.useFakeTimers();
    pc = new Connection();
    restarts = failures = relayed = 0;
    heard = true;
    mender = new Mender(pc, {
      restart: () => {
        if (heard) restarts += 1;
        return heard;
      },
      failed: () => (failures += 1),
      relays: () => relays,
      relayed: () => (relayed += 1),
    });
  });
  afterEach(() => {
    mender.stop();
    vi.useRealTimers();
  });

  it('leaves a connection alone that comes up, and asks for no relay', () => {
    mender.begun();
    becomes('connecting');
    becomes('connected');
    vi.advanceTimersByTime(120_000);
    expect([restarts, failures, pc.configuration.iceServers]).toEqual([0, 0, undefined]);
  });

  it('restarts with relays what does not come up', () => {
    mender.begun();
    becomes('connecting');
    vi.advanceTimersByTime(upWithinMs);
    expect(restarts).toBe(1);
    expect(pc.configuration).toEqual({ bundlePolicy: 'max-bundle', iceServers: relays });
  });

  it('waits a little when a connection goes silent: many come back', () => {
    becomes('connected');
    becomes('disconnected');
    vi.advanceTimersByTime(lastsMs - 1);
    becomes('connected');
    vi.advanceTimersByTime(60_000);
    expect(restarts).toBe(0);
    becomes('disconnected');
    vi.advanceTimersByTime(lastsMs);
    expect(restarts).toBe(1);
  });

  it('restarts at once when ICE has failed', () => {
    becomes('connected');
    becomes('failed');
    expect(restarts).toBe(1);
  });

  it('tries again until it helps, and begins to count anew then', () => {
    becomes('failed');
    becomes('connecting');
    vi.advanceTimersByTime(2 * againMs);
    expect(restarts).toBe(3);
    becomes('connected');
    vi.advanceTimersByTime(60_000);
    becomes('failed');
    vi.advanceTimersByTime((mostTries - 1) * againMs);
    expect([restarts, failures]).toEqual([3 + mostTries, 0]);
  });

  it('gives up, once, when nothing helps', () => {
    becomes('failed');
    vi.advanceTimersByTime(20 * againMs);
    expect([restarts, failures]).toEqual([mostTries, 1]);
  });

  it('loses no try while nobody hears it', () => {
    heard = false;
    becomes('failed');
    vi.advanceTimersByTime(20 * againMs);
    expect(failures).toBe(0);
    heard = true;
    mender.now();
    expect(restarts).toBe(1);
  });

  it('restarts a connection that seems well only when all is suspect', () => {
    becomes('connected');
    mender.now();
    expect(restarts).toBe(0);
    mender.now('all');
    expect(restarts).toBe(1);
  });

  it('says when only relays brought it up, so that others need not wait', () => {
    mender.begun();
    vi.advanceTimersByTime(upWithinMs);
    becomes('connected');
    expect(relayed).toBe(1);
    becomes('failed');
    becomes('connected');
    expect(relayed).toBe(1);
  });

  it('does not blame the network for a relay that was not needed', () => {
    becomes('connected');
    becomes('failed');
    becomes('connected');
    expect(relayed).toBe(0);
  });

  it('does nothing any more once it is stopped', () => {
    becomes('disconnected');
    mender.stop();
    vi.advanceTimersByTime(60_000);
    becomes('failed');
    expect([restarts, failures]).toEqual([0, 0]);
  });
});
