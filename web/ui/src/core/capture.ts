// Microphone, camera and screen. Whoever captures must stop the track: nothing stays open while muted.

export type CaptureKind = 'mic' | 'camera';

/** Why a device could not be opened, for a sentence that says what to do. */
export type CaptureTrouble = 'insecure' | 'denied' | 'missing' | 'busy' | 'failed';

export class CaptureError extends Error {
  constructor(
    readonly trouble: CaptureTrouble,
    readonly kind: CaptureKind | 'screen',
  ) {
    super(`${kind}: ${trouble}`);
  }
}

/** Opens a device; an empty deviceId is the system's choice. Throws CaptureError. */
export async function capture(kind: CaptureKind, deviceId: string): Promise<MediaStreamTrack> {
  const media = mediaDevices(kind);
  const chosen = deviceId === '' ? {} : { deviceId: { exact: deviceId } };
  try {
    return await first(media, kind, chosen);
  } catch (e) {
    // The remembered device is unplugged: take what there is.
    if (deviceId !== '' && nameOf(e) === 'OverconstrainedError') return capture(kind, '');
    throw new CaptureError(troubleOf(e), kind);
  }
}

async function first(media: MediaDevices, kind: CaptureKind, chosen: MediaTrackConstraints): Promise<MediaStreamTrack> {
  const wanted: MediaStreamConstraints =
    kind === 'mic'
      ? { audio: { ...chosen, echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } }
      : { video: { ...chosen, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } } };
  const stream = await media.getUserMedia(wanted);
  const [track, ...others] = stream.getTracks();
  for (const t of others) t.stop();
  if (!track) throw new CaptureError('missing', kind);
  return track;
}

export interface ScreenTracks {
  readonly video: MediaStreamTrack;
  readonly audio: MediaStreamTrack | undefined;
}

/** Asks for a screen, window or tab. Undefined: the person changed their mind. Throws CaptureError. */
export async function captureScreen(): Promise<ScreenTracks | undefined> {
  const media = mediaDevices('screen');
  try {
    const stream = await media.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true });
    const video = stream.getVideoTracks()[0];
    if (!video) return undefined;
    video.contentHint = 'detail';
    return { video, audio: stream.getAudioTracks()[0] };
  } catch (e) {
    if (nameOf(e) === 'NotAllowedError' || nameOf(e) === 'AbortError') return undefined;
    throw new CaptureError(troubleOf(e), 'screen');
  }
}

export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

export interface Device {
  readonly id: string;
  readonly label: string;
  /** Of the apparatus that it is a part of; '' if the browser does not say. */
  readonly group: string;
}

export interface Devices {
  readonly mics: readonly Device[];
  readonly cameras: readonly Device[];
  readonly outputs: readonly Device[];
}

export const noDevices: Devices = { mics: [], cameras: [], outputs: [] };

/** Devices as the browser lists them: without labels before the first permission. */
export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const of = (kind: MediaDeviceKind) =>
    all
      .filter((d) => d.kind === kind && d.deviceId !== '')
      .map((d) => ({ id: d.deviceId, label: d.label, group: d.groupId }));
  return { mics: of('audioinput'), cameras: of('videoinput'), outputs: of('audiooutput') };
}

/**
 * Whether an open device is not the one to use any more: the remembered one has come back, or the system's choice is another.
 * Only Chromium names the system's choice, as a device "default" of the same group.
 */
export function shouldReopen(devices: readonly Device[], remembered: string, open: MediaTrackSettings): boolean {
  if (remembered !== '') return open.deviceId !== remembered && devices.some((d) => d.id === remembered);
  const chosen = devices.find((d) => d.id === 'default')?.group ?? '';
  return chosen !== '' && open.groupId !== undefined && open.groupId !== chosen;
}

/** Calls changed when devices come or go; returns the end. */
export function watchDevices(changed: () => void): () => void {
  const media = globalThis.navigator?.mediaDevices; // none on an insecure page
  media?.addEventListener('devicechange', changed);
  return () => media?.removeEventListener('devicechange', changed);
}

function mediaDevices(kind: CaptureKind | 'screen'): MediaDevices {
  // Browsers hide mediaDevices on pages that are not served over TLS or from localhost.
  if (!navigator.mediaDevices) throw new CaptureError('insecure', kind);
  return navigator.mediaDevices;
}

function nameOf(e: unknown): string {
  return e instanceof Error ? e.name : '';
}

function troubleOf(e: unknown): CaptureTrouble {
  if (e instanceof CaptureError) return e.trouble;
  switch (nameOf(e)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
  }
  return 'failed';
}
