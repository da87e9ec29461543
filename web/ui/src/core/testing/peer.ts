// A peer connection for tests: it negotiates with words instead of SDP, and its state is moved by the test.

export class FakePeer {
  static readonly all: FakePeer[] = [];
  connectionState: RTCPeerConnectionState = 'new';
  signalingState: RTCSignalingState = 'stable';
  localDescription: RTCSessionDescriptionInit | null = null;
  remoteDescription: RTCSessionDescriptionInit | null = null;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: unknown = null;
  ontrack: unknown = null;
  readonly channels = new Map<string, { onmessage: ((e: { data: unknown }) => void) | null }>();
  readonly transceivers: object[] = [];
  restarts = 0;
  #configuration: RTCConfiguration;

  constructor(configuration: RTCConfiguration = {}) {
    this.#configuration = configuration;
    FakePeer.all.push(this);
  }
  getConfiguration(): RTCConfiguration {
    return this.#configuration;
  }
  setConfiguration(c: RTCConfiguration): void {
    this.#configuration = c;
  }
  createDataChannel(label: string): object {
    const channel = { onmessage: null };
    this.channels.set(label, channel);
    return channel;
  }
  addTransceiver(kind: string): object {
    const mid = String(this.transceivers.length);
    const sender = {
      replaceTrack: async () => undefined,
      getParameters: () => ({ encodings: [] }),
      setParameters: async () => undefined,
      getStats: async () => new Map(),
    };
    const t = { mid, sender, receiver: { track: { kind } }, setCodecPreferences: () => undefined };
    this.transceivers.push(t);
    return t;
  }
  async getStats(): Promise<Map<string, object>> {
    return new Map();
  }
  getTransceivers(): object[] {
    return [];
  }
  async createOffer(options: RTCOfferOptions = {}): Promise<RTCSessionDescriptionInit> {
    if (options.iceRestart) this.restarts += 1;
    return { type: 'offer', sdp: `offer ${this.restarts}` };
  }
  async createAnswer(): Promise<RTCSessionDescriptionInit> {
    return { type: 'answer', sdp: `answer to ${this.remoteDescription?.sdp ?? ''}` };
  }
  async setLocalDescription(d: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = d;
    this.signalingState = d.type === 'offer' ? 'have-local-offer' : 'stable';
  }
  async setRemoteDescription(d: RTCSessionDescriptionInit): Promise<void> {
    this.remoteDescription = d;
    this.signalingState = d.type === 'offer' ? 'have-remote-offer' : 'stable';
  }
  close(): void {
    this.signalingState = 'closed';
    this.connectionState = 'closed';
  }
  becomes(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}
