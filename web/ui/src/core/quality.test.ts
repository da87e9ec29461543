import { describe, expect, it } from 'vitest';
import { QualityMeter, readStats, type Reading } from './quality';

const reading = (change: Partial<Reading> = {}): Reading => ({
  up: undefined,
  down: undefined,
  rttMs: 20,
  held: false,
  ...change,
});

describe('the quality of a connection', () => {
  it.each([
    ['good', {}],
    ['weak', { rttMs: 400 }],
    ['bad', { rttMs: 900 }],
    ['weak', { held: true }],
    ['good', { rttMs: undefined }],
  ] as const)('is %s with %o', (quality, change) => {
    const meter = new QualityMeter();
    meter.take(reading(change));
    expect(meter.take(reading(change))).toBe(quality);
  });

  it.each([
    ['good', 0.01],
    ['weak', 0.05],
    ['bad', 0.2],
  ] as const)('is %s with a loss of %f, either way', (quality, loss) => {
    for (const way of ['up', 'down'] as const) {
      const meter = new QualityMeter();
      let seen = '';
      for (let i = 0; i < 4; i++) {
        seen = meter.take(reading({ [way]: { packets: i * 1000 * (1 - loss), lost: i * 1000 * loss } }));
      }
      expect(seen).toBe(quality);
    }
  });

  it('does not change for one bad moment', () => {
    const meter = new QualityMeter();
    meter.take(reading());
    expect(meter.take(reading({ rttMs: 2_000 }))).toBe('good');
    expect(meter.take(reading())).toBe('good');
    expect(meter.take(reading())).toBe('good');
  });

  it('recovers', () => {
    const meter = new QualityMeter();
    meter.take(reading({ rttMs: 2_000 }));
    expect(meter.take(reading({ rttMs: 2_000 }))).toBe('bad');
    meter.take(reading());
    expect(meter.take(reading())).toBe('good');
  });

  it('says nothing of loss from a few packets, from a new connection, or from losses taken back', () => {
    const meter = new QualityMeter();
    const counts = [
      { packets: 0, lost: 0 },
      { packets: 4, lost: 4 },
      { packets: 8, lost: 8 },
      { packets: 900, lost: 2 },
      { packets: 0, lost: 0 },
    ];
    for (const down of counts) expect(meter.take(reading({ down }))).toBe('good');
  });
});

describe("a browser's report", () => {
  const report = [
    { type: 'inbound-rtp', packetsReceived: 100, packetsLost: 3 },
    { type: 'inbound-rtp', packetsReceived: 50, packetsLost: -1 },
    { type: 'outbound-rtp', packetsSent: 70 },
    { type: 'remote-inbound-rtp', packetsLost: 5 },
    { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.12 },
    { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 },
    { type: 'codec' },
    null,
  ];

  it('is summed for each direction', () => {
    expect(readStats(report, 'down')).toEqual({ traffic: { packets: 150, lost: 2 }, rttMs: 120 });
    expect(readStats(report, 'up')).toEqual({ traffic: { packets: 70, lost: 5 }, rttMs: 120 });
  });

  it('may lack anything', () => {
    expect(readStats([], 'up')).toEqual({ traffic: { packets: 0, lost: 0 } });
  });
});
