// Video as people see it, and what it costs: frames on tiles, and the streams behind them as the browser counts them.

import { until } from './processes.js';

/** Runs inside the page before its own scripts: keeps the peer connections, whose statistics the tests read. */
export function connections() {
  const kept = new Set();
  globalThis.souffleurConnections = kept;
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      kept.add(this);
    }
    close() {
      kept.delete(this);
      super.close();
    }
  };
}

/** The picture that `viewer` has of `sender`: its size and the frames shown so far; zeros without one. */
export function videoOf(viewer, sender, tile = 'tile') {
  return viewer.page.evaluate(
    ([participant, tile]) => {
      const video = document.querySelector(`[data-testid="${tile}"][data-participant="${participant}"] video`);
      const live = video?.srcObject?.getVideoTracks().some((t) => t.readyState === 'live' && !t.muted);
      if (!video || !live || video.getClientRects().length === 0) return { width: 0, height: 0, frames: 0 };
      const { videoWidth: width, videoHeight: height } = video;
      return { width, height, frames: video.getVideoPlaybackQuality().totalVideoFrames };
    },
    [sender.participant, tile],
  );
}

/** Waits until `frames` more frames of `sender` have been shown to `viewer` than were shown at the call. */
export async function plays(viewer, sender, { tile = 'tile', frames = 10, timeoutMs = 20_000 } = {}) {
  let before;
  return until(`${viewer.name} sees ${frames} frames of ${sender.name} (${tile})`, async () => {
    const seen = await videoOf(viewer, sender, tile);
    if (seen.width === 0) return false;
    if (before === undefined || seen.frames < before) before = seen.frames; // an element of its own begins at 0
    return seen.frames - before >= frames;
  }, timeoutMs);
}

export async function framesIn(viewer, sender, tile, ms) {
  const { frames } = await videoOf(viewer, sender, tile);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return (await videoOf(viewer, sender, tile)).frames - frames;
}

/** The video streams that come to a person: {id, bytes, height}. Slots without a stream yet are left out. */
export async function incoming(person) {
  const streams = await statsOf(person, 'inbound-rtp');
  return streams.map((s) => ({ id: s.id, bytes: s.bytesReceived ?? 0, height: s.frameHeight ?? 0 }));
}

/** The layers of video that a person sends: {id, rid, active, bytes, height}; a screen has no rid. */
export async function outgoing(person) {
  const streams = await statsOf(person, 'outbound-rtp');
  return streams.map((s) => ({ id: s.id, rid: s.rid ?? '', active: s.active, bytes: s.bytesSent ?? 0, height: s.frameHeight ?? 0 }));
}

/** Those of `list` (incoming or outgoing) of which something came or went within `ms`. */
export async function flowing(person, list, ms = 1_000) {
  const before = new Map((await list(person)).map((s) => [s.id, s.bytes]));
  await new Promise((resolve) => setTimeout(resolve, ms));
  return (await list(person)).filter((s) => s.bytes > (before.get(s.id) ?? 0));
}

function statsOf(person, type) {
  return person.page.evaluate(async (type) => {
    const found = [];
    for (const pc of globalThis.souffleurConnections) {
      (await pc.getStats()).forEach((s) => s.type === type && s.kind === 'video' && found.push(s));
    }
    return found;
  }, type);
}

/** The UDP ports of the server that a person's connections use. */
export function serverPorts(person) {
  return person.page.evaluate(async () => {
    const ports = new Set();
    for (const pc of globalThis.souffleurConnections) {
      const stats = await pc.getStats();
      stats.forEach((s) => s.type === 'candidate-pair' && s.nominated && ports.add(stats.get(s.remoteCandidateId)?.port));
    }
    return [...ports].filter(Boolean);
  });
}
