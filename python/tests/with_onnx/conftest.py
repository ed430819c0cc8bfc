"""Graphs that `sapiens convert` writes, in other runtimes. What is here needs ONNX Runtime and OpenVINO, which
`./test --with-peers` installs."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

try:
    import onnx
    import onnxruntime
    import openvino
except ImportError:
    collect_ignore_glob = ["test_*.py"]

GOLDEN = Path(__file__).resolve().parents[3] / "tests" / "data" / "golden"
PROGRAM = os.environ["SAPIENS_PROGRAM"]


class Graph:
    """An ONNX file in both runtimes, which compute in float32."""

    def __init__(self, path):
        self.path = Path(path)
        self.model = onnx.load(path, load_external_data=False)

    def check(self):
        """Operators of other domains are not known to the checker's inference of shapes. The checker
        minds nothing that is unused, or there twice."""
        graph = self.model.graph
        used = {name for node in graph.node for name in node.input}
        used |= {output.name for output in graph.output}
        made = {name for node in graph.node for name in node.output}
        made |= {tensor.name for tensor in graph.initializer}
        assert made <= used
        assert len({node.name for node in graph.node}) == len(graph.node)
        onnx.checker.check_model(str(self.path))
        if all(opset.domain == "" for opset in self.model.opset_import):
            onnx.checker.check_model(str(self.path), full_check=True)

    @property
    def outputs(self):
        return [output.name for output in self.model.graph.output]

    @property
    def metadata(self):
        return {entry.key: entry.value for entry in self.model.metadata_props}

    def in_onnxruntime(self, **inputs):
        """Outputs by name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(
            self.path, options, providers=["CPUExecutionProvider"]
        )
        return dict(zip(self.outputs, session.run(self.outputs, inputs)))

    def in_openvino(self, precision="f32", **inputs):
        """Outputs by name. Some CPUs have bf16, which OpenVINO takes by default."""
        settings = {"INFERENCE_PRECISION_HINT": precision}
        compiled = openvino.Core().compile_model(self.path, "CPU", settings)
        found = compiled(inputs)
        return {name: found[name] for name in self.outputs}

    def everywhere(self, **inputs):
        """(runtime, outputs by name) of each."""
        yield "ONNX Runtime", self.in_onnxruntime(**inputs)
        yield "OpenVINO", self.in_openvino(**inputs)


@pytest.fixture
def convert(tmp_path):
    """Writes a graph as the program does, and checks it: convert(checkpoint, "--opset", 17)."""

    def write(checkpoint, *options):
        path = tmp_path / f"graph{len(list(tmp_path.iterdir()))}.onnx"
        command = [PROGRAM, "convert", checkpoint, path, *options]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        graph = Graph(path)
        graph.check()
        return graph

    return write


def distance(actual, expected):
    """The largest difference, as a share of the range of what is expected."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    return np.abs(actual - expected).max() / np.ptp(expected)
