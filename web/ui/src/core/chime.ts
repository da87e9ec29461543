// A sound to try the speakers with: two soft notes.

const notesHz = [523.25, 659.25]; // C5, E5
const noteS = 0.35;
const loudness = 0.2;

/** Plays it on an output ('' for the system's choice) and returns at its end. Rejects if the browser does not play. */
export async function chime(output: string): Promise<void> {
  const context = new AudioContext();
  const audio = new Audio();
  try {
    const out = context.createMediaStreamDestination();
    audio.srcObject = out.stream;
    if (output !== '') await audio.setSinkId?.(output).catch(() => undefined); // unplugged: the system's choice
    await Promise.all([context.resume(), audio.play()]);
    await notes(context, out);
  } finally {
    audio.srcObject = null;
    await context.close();
  }
}

function notes(context: AudioContext, out: AudioNode): Promise<void> {
  return new Promise((done) => {
    const begin = context.currentTime + 0.1;
    notesHz.forEach((hz, i) => {
      const at = begin + i * noteS;
      const note = context.createOscillator();
      const gain = context.createGain();
      note.frequency.value = hz;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(loudness, at + 0.03);
      gain.gain.linearRampToValueAtTime(0, at + noteS); // no click at the end
      note.connect(gain).connect(out);
      note.start(at);
      note.stop(at + noteS);
      if (i === notesHz.length - 1) note.onended = () => done();
    });
  });
}
