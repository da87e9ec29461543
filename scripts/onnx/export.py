"""Writes the two ONNX files that tests of diarize/onnx run, from the weights of two published networks.

    export.py PYTORCH_MODEL.bin CAMPPLUS.pt FOLDER

segmentation.onnx is pyannote segmentation-3.0 (MIT), embedding.onnx is CAM++ zh-en advanced of 3D-Speaker (Apache-2.0). The graphs are
built here operator by operator, so that no PyTorch is needed, which is some gigabytes; equal inputs give equal files. Weights are read
from PyTorch's zip form by a pickle reader that makes nothing but tensors and containers.
"""

import pickle
import sys
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR = 8


class Entries(dict):
    """An OrderedDict of the file, which may have attributes."""


class Weights(pickle.Unpickler):
    """Tensors by name. Whatever else the file names (classes of training frameworks) becomes an empty object."""

    TYPES = {"FloatStorage": np.float32, "LongStorage": np.int64, "DoubleStorage": np.float64}

    def __init__(self, path):
        self.archive = zipfile.ZipFile(path)
        self.root = next(n for n in self.archive.namelist() if n.endswith("/data.pkl")).removesuffix("data.pkl")
        super().__init__(self.archive.open(self.root + "data.pkl"))

    def persistent_load(self, key):
        _, kind, name, _, _ = key
        return np.frombuffer(self.archive.read(f"{self.root}data/{name}"), dtype=kind)

    def find_class(self, module, name):
        if name in self.TYPES:
            return self.TYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return Entries
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, stride, *_: np.lib.stride_tricks.as_strided(
                storage[offset:], size, [s * storage.itemsize for s in stride]).copy()
        return type(name, (), {"__init__": lambda self, *a: None, "__setstate__": lambda self, state: None})


class Graph:
    """Collects nodes and constants; every method returns the name of what it made."""

    def __init__(self, weights):
        self.w, self.nodes, self.constants = weights, [], {}

    def const(self, name, value):
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name):
        return self.const(name, self.w[name].astype(np.float32))

    def ints(self, *values):
        return self.const("i" + "_".join(map(str, values)), np.array(values, np.int64))

    def op(self, kind, *inputs, **attributes):
        out = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], out, **attributes))
        return out

    def conv(self, x, name, **attributes):
        inputs = [self.weight(name + ".weight")] + ([self.weight(name + ".bias")] if name + ".bias" in self.w else [])
        return self.op("Conv", x, *inputs, **attributes)

    def norm(self, x, name):
        mean = self.weight(name + ".running_mean")
        n = self.w[name + ".running_mean"].shape[0]
        if name + ".weight" in self.w:
            scale, bias = self.weight(name + ".weight"), self.weight(name + ".bias")
        else:
            scale, bias = self.const(f"ones{n}", np.ones(n, np.float32)), self.const(f"zeros{n}", np.zeros(n, np.float32))
        return self.op("BatchNormalization", x, scale, bias, mean, self.weight(name + ".running_var"), epsilon=1e-5)

    def length(self, x, axis):
        return self.op("Gather", self.op("Shape", x), self.ints(axis), axis=0)

    def save(self, path, source, input_shape, output, output_shape):
        graph = helper.make_graph(
            self.nodes, "souffleur",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, output_shape)],
            list(self.constants.values()))
        self.nodes.append(helper.make_node("Identity", [output], ["y"], "last"))
        graph.node.append(self.nodes[-1])
        model = helper.make_model(graph, producer_name="souffleur", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        model.doc_string = source
        onnx.checker.check_model(model)
        with open(path, "wb") as out:
            out.write(model.SerializeToString(deterministic=True))


def campplus(weights, path):
    """CAM++ (Wang et al. 2023, https://arxiv.org/abs/2303.00332), after 3D-Speaker's speakerlab/models/campplus."""
    g = Graph(weights)

    def relu_norm(x, name):
        return g.op("Relu", g.norm(x, name))

    def residual(x, name, stride):
        y = relu_norm(g.conv(x, name + ".conv1", strides=[stride, 1], pads=[1, 1, 1, 1]), name + ".bn1")
        y = g.norm(g.conv(y, name + ".conv2", pads=[1, 1, 1, 1]), name + ".bn2")
        if name + ".shortcut.0.weight" in weights:
            x = g.norm(g.conv(x, name + ".shortcut.0", strides=[stride, 1]), name + ".shortcut.1")
        return g.op("Relu", g.op("Add", y, x))

    def context(x, name, dilation):
        y = g.conv(x, name + ".linear_local", pads=[dilation, dilation], dilations=[dilation])
        parts = g.op("AveragePool", x, kernel_shape=[100], strides=[100], ceil_mode=1, count_include_pad=0)
        parts = g.op("Expand", g.op("Unsqueeze", parts, g.ints(3)), g.ints(1, 1, 1, 100))
        parts = g.op("Reshape", parts, g.ints(0, 0, -1))
        parts = g.op("Slice", parts, g.ints(0), g.length(x, 2), g.ints(2))
        c = g.op("Add", g.op("ReduceMean", x, axes=[2], keepdims=1), parts)
        c = g.op("Relu", g.conv(c, name + ".linear1"))
        return g.op("Mul", y, g.op("Sigmoid", g.conv(c, name + ".linear2")))

    x = g.op("Unsqueeze", g.op("Transpose", "x", perm=[0, 2, 1]), g.ints(1))
    x = relu_norm(g.conv(x, "head.conv1", pads=[1, 1, 1, 1]), "head.bn1")
    for layer in ("layer1", "layer2"):
        x = residual(residual(x, f"head.{layer}.0", 2), f"head.{layer}.1", 1)
    x = relu_norm(g.conv(x, "head.conv2", strides=[2, 1], pads=[1, 1, 1, 1]), "head.bn2")
    x = g.op("Reshape", x, g.ints(0, 320, -1))
    x = relu_norm(g.conv(x, "xvector.tdnn.linear", strides=[2], pads=[2, 2]), "xvector.tdnn.nonlinear.batchnorm")
    for block, (layers, dilation) in enumerate([(12, 1), (24, 2), (16, 2)], 1):
        for layer in range(1, layers + 1):
            name = f"xvector.block{block}.tdnnd{layer}"
            y = g.conv(relu_norm(x, name + ".nonlinear1.batchnorm"), name + ".linear1")
            y = context(relu_norm(y, name + ".nonlinear2.batchnorm"), name + ".cam_layer", dilation)
            x = g.op("Concat", x, y, axis=1)
        x = g.conv(relu_norm(x, f"xvector.transit{block}.nonlinear.batchnorm"), f"xvector.transit{block}.linear")
    x = relu_norm(x, "xvector.out_nonlinear.batchnorm")
    mean = g.op("ReduceMean", x, axes=[2], keepdims=1)
    off = g.op("Sub", x, mean)
    count = g.op("Cast", g.op("Sub", g.length(x, 2), g.ints(1)), to=TensorProto.FLOAT)
    spread = g.op("Sqrt", g.op("Div", g.op("ReduceSum", g.op("Mul", off, off), g.ints(2), keepdims=1), count))
    x = g.op("Concat", mean, spread, axis=1)
    x = g.op("Squeeze", g.conv(x, "xvector.dense.linear"), g.ints(2))
    x = g.norm(x, "xvector.dense.nonlinear.batchnorm")
    g.save(path, "CAM++ zh-en advanced, 3D-Speaker, Apache-2.0", ["N", "T", 80], x, ["N", 192])


def sinc_filters(low_hz, band_hz, size=251, rate=16000, least=50):
    """The 80 filters of SincNet: 40 even, then 40 odd (asteroid-filterbanks' ParamSincFB)."""
    half = size // 2
    low = least + np.abs(low_hz.astype(np.float64))
    high = np.clip(low + least + np.abs(band_hz.astype(np.float64)), least, rate / 2)
    band = (high - low)[:, 0]
    window = np.hamming(size)[:half]
    n = 2 * np.pi * np.arange(-half, 0.0)[None, :] / rate
    left_cos = (np.sin(high @ n) - np.sin(low @ n)) / (n / 2) * window
    left_sin = (np.cos(low @ n) - np.cos(high @ n)) / (n / 2) * window
    even = np.concatenate([left_cos, 2 * band[:, None], left_cos[:, ::-1]], 1)
    odd = np.concatenate([left_sin, np.zeros_like(band[:, None]), -left_sin[:, ::-1]], 1)
    return np.concatenate([even, odd] / (2 * band[None, :, None]), 0)[:, None, :].astype(np.float32)


def segmentation(weights, path):
    """PyanNet (Bredin 2023, pyannote.audio's models/segmentation/PyanNet.py): SincNet, four LSTM layers both ways, powerset classes."""
    g = Graph(weights)

    def instance(x, name):
        return g.op("InstanceNormalization", x, g.weight(name + ".weight"), g.weight(name + ".bias"), epsilon=1e-5)

    def gates(name):  # PyTorch has the gates i, f, g, o; ONNX i, o, f, c
        w = weights[name]
        i, f, c, o = np.split(w, 4)
        return np.concatenate([i, o, f, c])

    def lstm(x, layer):
        both = ["", "_reverse"]
        w, r = (np.stack([gates(f"lstm.weight_{k}_l{layer}{d}") for d in both]) for k in ("ih", "hh"))
        b = np.stack([np.concatenate([gates(f"lstm.bias_{k}_l{layer}{d}") for k in ("ih", "hh")]) for d in both])
        w, r, b = g.const(f"W{layer}", w), g.const(f"R{layer}", r), g.const(f"B{layer}", b)
        y = g.op("LSTM", x, w, r, b, hidden_size=128, direction="bidirectional")
        return g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), g.ints(0, 0, 256))

    x = instance("x", "sincnet.wav_norm1d")
    filters = sinc_filters(weights["sincnet.conv1d.0.filterbank.low_hz_"], weights["sincnet.conv1d.0.filterbank.band_hz_"])
    x = g.op("Abs", g.op("Conv", x, g.const("filters", filters), strides=[10]))
    for i in range(3):
        if i > 0:
            x = g.conv(x, f"sincnet.conv1d.{i}")
        x = g.op("MaxPool", x, kernel_shape=[3], strides=[3])
        x = g.op("LeakyRelu", instance(x, f"sincnet.norm1d.{i}"), alpha=0.01)
    x = g.op("Transpose", x, perm=[2, 0, 1])
    for layer in range(4):
        x = lstm(x, layer)
    x = g.op("Transpose", x, perm=[1, 0, 2])
    for name in ("linear.0", "linear.1", "classifier"):
        w = g.const(name + ".weight", weights[name + ".weight"].T)
        x = g.op("Add", g.op("MatMul", x, w), g.weight(name + ".bias"))
        if name != "classifier":
            x = g.op("LeakyRelu", x, alpha=0.01)
    x = g.op("LogSoftmax", x, axis=-1)
    g.save(path, "pyannote segmentation-3.0, MIT", ["N", 1, "samples"], x, ["N", "frames", 7])


def main():
    checkpoint, campplus_weights, folder = sys.argv[1:]
    segmentation(Weights(checkpoint).load()["state_dict"], folder + "/segmentation.onnx")
    campplus(Weights(campplus_weights).load(), folder + "/embedding.onnx")


if __name__ == "__main__":
    main()
