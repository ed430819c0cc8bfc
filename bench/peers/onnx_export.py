"""Writes the encoder as ONNX, node by node: plain operators as an exporter gives them, or with fused attention."""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper

from model import EPSILON, PATCH

OPSET = 17


class WeightFile:
    """External data: keeps the graphs small and lets runtimes map the numbers."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.tensors = {}
        self.file = open(path, "wb")

    def add(self, name, array):
        tensor = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        self.offset += self.file.write(b"\0" * (-self.offset % 4096))  # runtimes map from page boundaries only
        entries = {"location": os.path.basename(self.path), "offset": self.offset, "length": array.nbytes}
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=str(value))
        self.offset += self.file.write(np.ascontiguousarray(array))
        self.tensors[name] = tensor


def write_weights(encoder, path):
    """Matrices transposed, as MatMul wants them: x [T, in] times w [in, out]."""
    file = WeightFile(path)
    with file.file:
        for name, values in encoder.weights.items():
            values = values.float().numpy()
            file.add(name, values.T if values.ndim == 2 else values)
    return file.tensors


def write_quantized_weights(encoder, path):
    """The matrices in s8 with a scale per output channel, the rest as it is."""
    file = WeightFile(path)
    with file.file:
        for name, values in encoder.weights.items():
            values = values.float().numpy()
            if values.ndim == 2:
                scales = np.maximum(np.abs(values).max(1), 1e-9) / np.float32(127)
                file.add(name + ".scale", scales)
                values = np.rint(values / scales[:, None]).astype(np.int8).T
            file.add(name, values)
    return file.tensors


class Graph:
    """Of plain operators."""

    def __init__(self, encoder, size, tensors):
        self.encoder = encoder
        self.size = size
        self.weights = tensors
        self.initializers = {}
        self.nodes = []

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        for name in inputs:
            if name in self.weights:
                self.initializers[name] = self.weights[name]
        names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=names[0], domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, values):
        array = np.asarray(values)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = f"constant_{array.dtype}_{'_'.join(map(str, array.ravel()))}_{array.ndim}"
        self.initializers.setdefault(name, onnx.numpy_helper.from_array(array, name))
        return name

    def norm(self, x, name):
        return self.op("LayerNormalization", x, name + ".weight", name + ".bias", axis=-1, epsilon=EPSILON)

    def linear(self, x, name):
        return self.op("Add", self.op("MatMul", x, name + ".weight"), name + ".bias")

    def gelu(self, x):
        """x (1 + erf(x / sqrt 2)) / 2, spelled as PyTorch's exporter spells it: runtimes look for that."""
        erf = self.op("Erf", self.op("Div", x, self.constant(2.0**0.5)))
        return self.op("Mul", self.op("Mul", x, self.op("Add", erf, self.constant(1.0))), self.constant(0.5))

    def attention(self, qkv, tokens):
        heads, width = self.encoder.heads, self.encoder.width
        qkv = self.op("Reshape", qkv, self.constant([1, tokens, 3, heads, width // heads]))
        qkv = self.op("Transpose", qkv, perm=[2, 0, 3, 1, 4])
        q, k, v = (self.op("Gather", qkv, self.constant(i), axis=0) for i in range(3))
        q = self.op("Mul", q, self.constant((width // heads) ** -0.5))
        scores = self.op("MatMul", q, self.op("Transpose", k, perm=[0, 1, 3, 2]))
        attended = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        attended = self.op("Transpose", attended, perm=[0, 2, 1, 3])
        return self.op("Reshape", attended, self.constant([1, tokens, width]))

    def encode(self, image):
        grid = (self.size[0] // PATCH, self.size[1] // PATCH)
        tokens = 1 + grid[0] * grid[1]
        patch = "patch_embed.projection."
        x = self.op("Conv", image, patch + "weight", patch + "bias", strides=[PATCH] * 2)
        x = self.op("Reshape", x, self.constant([1, self.encoder.width, tokens - 1]))
        x = self.op("Concat", "cls_token", self.op("Transpose", x, perm=[0, 2, 1]), axis=1)
        x = self.op("Add", x, "pos_embed")
        for i in range(self.encoder.depth):
            layer = f"layers.{i}."
            qkv = self.linear(self.norm(x, layer + "ln1"), layer + "attn.qkv")
            x = self.op("Add", x, self.linear(self.attention(qkv, tokens), layer + "attn.proj"))
            hidden = self.gelu(self.linear(self.norm(x, layer + "ln2"), layer + "ffn.layers.0.0"))
            x = self.op("Add", x, self.linear(hidden, layer + "ffn.layers.1"))
        return self.norm(x, "ln1"), tokens

    def write(self, path):
        result, tokens = self.encode("image")
        model = helper.make_model(
            helper.make_graph(
                [*self.nodes, helper.make_node("Identity", [result], ["tokens"])], "encoder",
                [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *self.size])],
                [helper.make_tensor_value_info("tokens", TensorProto.FLOAT, [1, tokens, self.encoder.width])],
                list(self.initializers.values())),
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)],
            ir_version=8)  # of that operator set
        onnx.save(model, path)


class FusedGraph(Graph):
    """With ONNX Runtime's own attention operator."""

    def attention(self, qkv, tokens):
        q, k, v = self.op("Split", qkv, self.constant([self.encoder.width] * 3), outputs=3, axis=-1)
        return self.op("MultiHeadAttention", q, k, v, domain="com.microsoft", num_heads=self.encoder.heads)


class QuantizedGraph(Graph):
    """Linear layers in int8, with a fixed range of activations per tensor: [low, high] for each layer's input."""

    def __init__(self, encoder, size, tensors, ranges):
        super().__init__(encoder, size, tensors)
        self.ranges = ranges

    def linear(self, x, name):
        weight = self.op("DequantizeLinear", name + ".weight", name + ".weight.scale", axis=1)
        return self.op("Add", self.op("MatMul", self.rounded(x, *self.ranges[name]), weight), name + ".bias")

    def rounded(self, x, low, high):
        """s8 around zero; u8 with a zero point where hardly anything is negative, as after GELU."""
        if high > -4 * low:
            scale = (high - low) / 255
            zero = np.uint8(round(-low / scale))
        else:
            scale = max(high, -low) / 127
            zero = np.int8(0)
        parameters = self.constant(scale), self.constant(zero)
        return self.op("DequantizeLinear", self.op("QuantizeLinear", x, *parameters), *parameters)
