"""One class per peer: what it needs on disk, how it is set up, and how it runs one image.

compare.py runs each in a process of its own, so that memory figures are its own too, and imports of one do not
meet those of another. Every peer takes float32 [1, 3, H, W] and gives the tokens after the last norm, [T, C].
"""
import dataclasses
import json
import pathlib
import subprocess

import numpy as np


class Unsupported(Exception):
    """This machine cannot run the peer; the message says why."""


@dataclasses.dataclass
class Job:
    checkpoint: str
    size: tuple  # height, width
    threads: int
    folder: pathlib.Path  # of this checkpoint and size: input.npy, truth.npy, ranges.json, and what prepare() writes
    program: str  # of this project

    def image(self):
        return np.load(self.folder / "input.npy")[None]


class Peer:
    environment = {}

    @classmethod
    def prepare(cls, job):
        pass

    @classmethod
    def file_bytes(cls, job):
        """Of the file that is the peer's own, if it has one."""
        return None


class Torch(Peer):
    # Without these, glibc gives the memory of every large tensor back to the system and faults it in again.
    environment = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(64 << 20)}
    precision = "float32"

    def __init__(self, job):
        import torch
        from model import forward, is_sapiens2, read_encoder, read_sapiens2

        torch.set_num_threads(job.threads)
        self.torch = torch
        dtype = getattr(torch, self.precision)
        self.image = torch.from_numpy(job.image()).to(dtype)
        if is_sapiens2(job.checkpoint):
            self.forward = read_sapiens2(job.checkpoint, dtype).forward_features
        else:
            encoder = read_encoder(job.checkpoint, job.size)
            encoder.weights = {name: values.to(dtype) for name, values in encoder.weights.items()}
            self.forward = lambda image: forward(encoder, image)

    def run(self):
        with self.torch.inference_mode():
            return self.forward(self.image)[0].float().numpy()


class TorchBf16(Torch):
    precision = "bfloat16"


def export_onnx(job):
    """plain.onnx and fused.onnx, which share weights.bin; fused.onnx appears last, when all is complete."""
    if (job.folder / "fused.onnx").exists():
        return
    from model import is_sapiens2, read_encoder
    from onnx_export import FusedGraph, Graph, write_weights

    if is_sapiens2(job.checkpoint):
        raise Unsupported("this benchmark exports the first family alone")
    encoder = read_encoder(job.checkpoint, job.size)
    tensors = write_weights(encoder, job.folder / "weights.bin")
    Graph(encoder, job.size, tensors).write(job.folder / "plain.onnx")
    FusedGraph(encoder, job.size, tensors).write(job.folder / "fused.onnx")


def export_quantized_onnx(job):
    if (job.folder / "static_int8.onnx").exists():
        return
    from model import is_sapiens2, read_encoder
    from onnx_export import QuantizedGraph, write_quantized_weights

    if is_sapiens2(job.checkpoint):
        raise Unsupported("this benchmark exports the first family alone")
    encoder = read_encoder(job.checkpoint, job.size)
    tensors = write_quantized_weights(encoder, job.folder / "weights_int8.bin")
    ranges = json.loads((job.folder / "ranges.json").read_text())
    QuantizedGraph(encoder, job.size, tensors, ranges).write(job.folder / "static_int8.onnx")


class OnnxRuntime(Peer):
    graph = "plain.onnx"
    input, output = "image", "tokens"

    @staticmethod
    def prepare(job):
        export_onnx(job)

    def __init__(self, job):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job.threads
        options.inter_op_num_threads = 1
        path = str(job.folder / self.graph)
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.image = job.image()

    def run(self):
        return self.session.run([self.output], {self.input: self.image})[0][0]


class OnnxRuntimeFused(OnnxRuntime):
    graph = "fused.onnx"


class OnnxRuntimeInt8(OnnxRuntime):
    """Its own dynamic quantisation: s8 weights per output channel, u8 activations per tensor; fused attention in fp32."""

    graph = "int8.onnx"

    @staticmethod
    def prepare(job):
        if (job.folder / "int8.onnx").exists():
            return
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        export_onnx(job)
        # The checker does not know the results of com.microsoft operators, so their type is given.
        quantize_dynamic(job.folder / "fused.onnx", job.folder / "int8.part.onnx", op_types_to_quantize=["MatMul"],
                         per_channel=True, weight_type=QuantType.QInt8,
                         extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT})
        (job.folder / "int8.part.onnx").rename(job.folder / "int8.onnx")


class OpenVino(Peer):
    graph = "plain.onnx"  # it finds attention by itself: fused.onnx and a model converted from PyTorch run no faster
    input, output = "image", "tokens"

    @staticmethod
    def prepare(job):
        export_onnx(job)

    def __init__(self, job):
        import openvino

        core = openvino.Core()
        config = {
            "INFERENCE_PRECISION_HINT": self.precision(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
            "INFERENCE_NUM_THREADS": job.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        model = core.compile_model(core.read_model(job.folder / self.graph), "CPU", config)
        self.request = model.create_infer_request()
        self.image = job.image()

    def precision(self, capabilities):
        return "f32"

    def run(self):
        return self.request.infer({self.input: self.image}, share_inputs=True)[self.output][0]


class OpenVinoBf16(OpenVino):
    def precision(self, capabilities):
        if "BF16" not in capabilities:
            raise Unsupported(f"OpenVINO offers no bf16 here, only {', '.join(capabilities)}")
        return "bf16"


class OpenVinoInt8(OpenVino):
    """Static quantisation with ranges taken from the very image that is timed: its fastest, and flattered.

    Dynamic quantisation, with weights compressed by NNCF, took 1.65 times the processor time, and NNCF's own static
    quantisation as long as this one, but more than 12 GB to prepare.
    """

    graph = "static_int8.onnx"

    @staticmethod
    def prepare(job):
        export_quantized_onnx(job)

    def precision(self, capabilities):
        return "bf16" if "BF16" in capabilities else "f32"  # of what is not quantised


def converted(runtime, *options):
    """The runtime with what `sapiens convert` writes."""

    class Converted(runtime):
        graph = f"converted{''.join(options)}.onnx".replace("--", "-")
        input, output = "images", "raw"

        @classmethod
        def prepare(cls, job):
            """Every time, so that what is timed is what the program writes now."""
            size = "{}x{}".format(*job.size)
            command = [job.program, "convert", job.checkpoint, job.folder / cls.graph, "--out-type", cls.output,
                       "--size", size, *options]
            subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)

        @classmethod
        def file_bytes(cls, job):
            """Of the graph, and of its weights where they are in a file beside it."""
            return sum(path.stat().st_size for path in job.folder.glob(cls.graph + "*"))

    return Converted


FUSED = ("--attention", "fused")
CONVERTED = {
    "onnx-f32-in-ort": converted(OnnxRuntime),
    "onnx-f32-fused-in-ort": converted(OnnxRuntime, *FUSED),
    "onnx-bf16-fused-in-ort": converted(OnnxRuntime, *FUSED, "--dtype", "bf16"),
    "onnx-f16-fused-in-ort": converted(OnnxRuntime, *FUSED, "--dtype", "f16"),
    "onnx-f32-in-openvino-fp32": converted(OpenVino),
    "onnx-f32-fused-in-openvino-fp32": converted(OpenVino, *FUSED),
    "onnx-bf16-in-openvino-bf16": converted(OpenVinoBf16, "--dtype", "bf16"),
}
PEERS = {
    "torch-fp32": Torch,
    "torch-bf16": TorchBf16,
    "ort-fp32": OnnxRuntime,
    "ort-fp32-fused": OnnxRuntimeFused,
    "ort-int8": OnnxRuntimeInt8,
    "openvino-fp32": OpenVino,
    "openvino-bf16": OpenVinoBf16,
    "openvino-int8": OpenVinoInt8,
    **CONVERTED,
}
