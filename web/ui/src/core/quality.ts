// How good the own connection is, in one of three words. Judged by what was lost and how long answers take.

export const qualities = ['good', 'weak', 'bad'] as const;
export type Quality = (typeof qualities)[number];

/** What one direction of the connection counted since it began. */
export interface Traffic {
  readonly packets: number;
  readonly lost: number;
}

export interface Reading {
  readonly up: Traffic | undefined;
  readonly down: Traffic | undefined;
  /** Round trip; undefined: not measured. */
  readonly rttMs: number | undefined;
  /** Whether the server holds video back because of this connection. */
  readonly held: boolean;
}

/** From these on, a connection is weak, or bad. Speech survives 10 % with repair; talking past each other begins at 300 ms. */
const weak = { loss: 0.03, rttMs: 300 };
const bad = { loss: 0.1, rttMs: 800 };
/** Fewer packets than this say nothing about loss. */
const fewestPackets = 30;

export class QualityMeter {
  /** As it was at the last reading. */
  get quality(): Quality {
    return this.#quality;
  }

  #quality: Quality = 'good';
  #verdict: Quality = 'good'; // of the last reading
  #up: Traffic | undefined;
  #down: Traffic | undefined;

  /** Takes a reading, every few seconds. Two that agree change the quality: one lost burst is no bad connection. */
  take(reading: Reading): Quality {
    const loss = Math.max(lossBetween(this.#up, reading.up), lossBetween(this.#down, reading.down));
    this.#up = reading.up;
    this.#down = reading.down;
    const verdict = judge(loss, reading.rttMs ?? 0, reading.held);
    if (verdict === this.#verdict) this.#quality = verdict;
    this.#verdict = verdict;
    return this.#quality;
  }
}

function judge(loss: number, rttMs: number, held: boolean): Quality {
  if (loss >= bad.loss || rttMs >= bad.rttMs) return 'bad';
  return held || loss >= weak.loss || rttMs >= weak.rttMs ? 'weak' : 'good';
}

/** The share that was lost between two readings; 0 if they do not say. */
function lossBetween(before: Traffic | undefined, now: Traffic | undefined): number {
  if (!before || !now) return 0;
  const lost = Math.max(0, now.lost - before.lost); // repairs that come late take losses back
  const packets = now.packets - before.packets;
  return packets + lost < fewestPackets ? 0 : lost / (packets + lost);
}

/** Sums what a browser's report says of a direction, and finds its round trip. */
export function readStats(report: Iterable<unknown>, direction: 'up' | 'down'): { traffic: Traffic; rttMs?: number } {
  let packets = 0;
  let lost = 0;
  let rttMs: number | undefined;
  for (const s of report) {
    if (typeof s !== 'object' || s === null) continue;
    const read = (name: string) => numberOf(s, name);
    const type: unknown = Reflect.get(s, 'type');
    if (type === (direction === 'up' ? 'outbound-rtp' : 'inbound-rtp')) {
      packets += read(direction === 'up' ? 'packetsSent' : 'packetsReceived');
      if (direction === 'down') lost += read('packetsLost');
    } else if (type === 'remote-inbound-rtp' && direction === 'up') {
      lost += read('packetsLost');
    } else if (type === 'candidate-pair' && Reflect.get(s, 'nominated') === true) {
      const seconds = read('currentRoundTripTime');
      if (seconds > 0) rttMs = Math.max(rttMs ?? 0, seconds * 1000);
    }
  }
  return { traffic: { packets, lost }, ...(rttMs === undefined ? {} : { rttMs }) };
}

function numberOf(s: object, name: string): number {
  const v: unknown = Reflect.get(s, name);
  return typeof v === 'number' && Number.isFinite(v) ? v : 0;
}
