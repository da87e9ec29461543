// Runs inside the page before its own scripts: notes what arrives from the server, what stands on the screen, and when the
// microphone was opened. Reading it back is captionlog.js's business. Self-contained: it is sent to the browser as text.

export function recorder() {
  const notes = { wire: [], screen: [], microphones: [] };
  globalThis.souffleurNotes = notes;

  noteScreen();
  noteDataChannels();
  noteWebSockets();
  noteMicrophones();

  function arrived(data) {
    if (typeof data !== 'string') return;
    const message = JSON.parse(data);
    const caption = message.type === 'caption' ? message.caption : message;
    if (typeof caption?.seg === 'string') notes.wire.push({ at: Date.now(), ...caption });
  }

  function noteDataChannels() {
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (...args) {
      const channel = create.apply(this, args);
      channel.addEventListener('message', (e) => arrived(e.data));
      return channel;
    };
  }

  function noteWebSockets() {
    globalThis.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        this.addEventListener('message', (e) => arrived(e.data));
      }
    };
  }

  function noteMicrophones() {
    const open = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = async function (wanted) {
      const stream = await open.call(this, wanted);
      if (wanted?.audio) notes.microphones.push(Date.now());
      return stream;
    };
  }

  // One note for each state of a caption element that a reader could have seen, and one when it leaves.
  function noteScreen() {
    const last = new Map(); // segment → its last state
    const look = () => {
      const shown = new Map();
      for (const element of document.querySelectorAll('[data-testid="captions"] [data-seg]')) note(element, shown);
      for (const seg of [...last.keys()].filter((s) => !shown.has(s))) {
        last.delete(seg);
        notes.screen.push({ at: Date.now(), seg, left: true });
      }
    };
    const note = (element, shown) => {
      const { seg, rev, final, speaker, speakerName } = element.dataset;
      const state = { seg, rev: Number(rev), final: final === 'true', speaker, speakerName, text: element.textContent };
      shown.set(seg, state);
      if (JSON.stringify(state) === JSON.stringify(last.get(seg))) return;
      last.set(seg, state);
      notes.screen.push({ at: Date.now(), ...state });
    };
    new MutationObserver(look).observe(document, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
      attributeFilter: ['data-seg', 'data-rev', 'data-final', 'data-speaker', 'data-speaker-name'],
    });
  }
}
