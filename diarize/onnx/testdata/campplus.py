"""Writes campplus.json: the vector that PyTorch and the authors' own network make of 1.6 s of speech, for the golden test.

    campplus.py SAMPLES.f32 CAMPPLUS.pt > campplus.json     samples as for fbank.py; speakerlab 0.0.6 has the network
"""

import json
import sys

import kaldi_native_fbank as knf
import numpy as np
import torch
from speakerlab.models.campplus.DTDNN import CAMPPlus

pcm = np.fromfile(sys.argv[1], np.float32)[:25600]
options = knf.FbankOptions()
options.frame_opts.dither = 0
options.mel_opts.num_bins = 80
fbank = knf.OnlineFbank(options)
fbank.accept_waveform(16000, pcm.tolist())
fbank.input_finished()
frames = np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])
network = CAMPPlus(feat_dim=80, embedding_size=192)
network.load_state_dict(torch.load(sys.argv[2], weights_only=True))
network.eval()
with torch.no_grad():
    vector = network(torch.tensor(frames - frames.mean(axis=0))[None])[0].numpy()
print(json.dumps([round(float(x), 5) for x in vector / np.linalg.norm(vector)]))
