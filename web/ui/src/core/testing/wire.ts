// A WebSocket for tests.

/** A socket as the browser has it, moved by the test. */
export class Wire extends EventTarget implements WebSocket {
  static readonly all: Wire[] = [];
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  binaryType: BinaryType = 'blob';
  readonly bufferedAmount = 0;
  readonly extensions = '';
  readonly protocol = '';
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: WebSocket['onopen'] = null;
  onmessage: WebSocket['onmessage'] = null;
  onclose: WebSocket['onclose'] = null;
  onerror: WebSocket['onerror'] = null;
  readonly sent: string[] = [];

  constructor(readonly url: string) {
    super();
    Wire.all.push(this);
  }
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    this.sent.push(String(data));
  }
  close(): void {
    this.readyState = 3;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.call(this, new Event('open'));
  }
  says(frame: unknown): void {
    this.onmessage?.call(this, new MessageEvent('message', { data: frame }));
  }
  breaks(): void {
    this.readyState = 3;
    this.onclose?.call(this, new Event('close') as CloseEvent);
  }
  static get last(): Wire {
    const wire = Wire.all.at(-1);
    if (!wire) throw new Error('no socket was opened');
    return wire;
  }
}
