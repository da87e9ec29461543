"""Writes fbank.json: what kaldi-native-fbank 1.23 makes of 1.6 s of speech, for the golden test.

    fbank.py SAMPLES.f32 > fbank.json     samples: 16 kHz mono in [-1, 1], of testdata/speech/jfk.ogg from the first second on
"""

import json
import sys

import kaldi_native_fbank as knf
import numpy as np


def bands(pcm, window, scale):
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.window_type = window
    options.mel_opts.num_bins = 80
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(16000, (pcm * scale).tolist())
    fbank.input_finished()
    frames = np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)]).astype(np.float64)
    return frames - frames.mean(axis=0)


pcm = np.fromfile(sys.argv[1], np.float32)[:25600]
cases = []
for window, scale, name in (("hamming", 32768, "int16"), ("povey", 1, "unit")):
    for offset in (0.0, 0.05):  # a microphone's direct current, which the front end takes off
        frames = bands(pcm + np.float32(offset), window, scale)
        rows = [[round(float(x), 4) for x in frames[t]] for t in (0, 40, 157)]
        cases.append({"window": window, "scale": name, "offset": offset, "frames": len(frames), "rows": rows})
print(json.dumps(cases))
