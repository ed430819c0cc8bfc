"""The example in C#: compiled by Mono's compiler, run by .NET with ONNX Runtime's C# interface."""

import json

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import sapiens
from conftest import distance

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "examples" / "csharp" / "OnnxRun.cs"
MANAGED = Path(sys.prefix) / "dotnet" / "Microsoft.ML.OnnxRuntime.dll"
TINY = ROOT / "models" / "tiny" / "sapiens_tiny_pretrain_clean.pth"
# Of the range: resizing in the graph may differ by one level at a pixel.
CLOSE = 5e-3


@pytest.fixture(scope="module")
def onnx_run(tmp_path_factory):
    """Runs the example: onnx_run(graph, image, folder) is what it prints."""
    if not shutil.which("mcs"):
        pytest.skip("there is no mcs: tools/setup.sh --peers installs it")
    if not find_spec("dotnetcore2") or not MANAGED.exists():
        pytest.skip("there is no .NET: ./test --with-peers installs it, on x86-64")
    folder = tmp_path_factory.mktemp("csharp")
    dotnet = Path(find_spec("dotnetcore2").origin).parent / "bin" / "dotnet"
    [framework] = (dotnet.parent / "shared" / "Microsoft.NETCore.App").iterdir()

    # What `dotnet build` would leave, had it come with the runtime.
    references = [f"-r:{path}" for path in [*framework.glob("System*.dll"), MANAGED]]
    program = folder / "OnnxRun.dll"
    command = ["mcs", "-nostdlib", "-noconfig", *references, f"-out:{program}", SOURCE]
    subprocess.run(command, check=True)
    settings = {
        "framework": {"name": framework.parent.name, "version": framework.name},
        "configProperties": {"System.Globalization.Invariant": True},
    }
    program.with_suffix(".runtimeconfig.json").write_text(json.dumps({"runtimeOptions": settings}))
    shutil.copy(MANAGED, folder)
    [native] = Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")
    (folder / "libonnxruntime.so").symlink_to(native)

    def run(*arguments):
        command = [dotnet, program, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture
def pixels(tmp_path):
    """Those of an image, which lies as a PPM in tmp_path."""
    with Image.open(ROOT / "samples" / "person.jpg") as image:
        image = image.convert("RGB")
    image.save(tmp_path / "person.ppm")
    return np.asarray(image)


def test_the_example_in_csharp_computes_what_the_engine_does(onnx_run, convert, pixels, tmp_path):
    graph = convert(TINY, "--out-type", "featmap", "--with-preprocessing")
    said = onnx_run(graph.path, tmp_path / "person.ppm", tmp_path)

    expected = sapiens.Encoder(TINY, precision="fp32").features(pixels, "featmap")
    found = np.fromfile(tmp_path / "featmap.f32", "<f4")
    assert said.startswith(f"featmap [1, {', '.join(map(str, expected.shape))}], mean ")
    assert distance(found.reshape(expected.shape), expected) < CLOSE
    in_python = graph.in_onnxruntime(images=pixels[None])["featmap"]
    assert np.array_equal(found, in_python.ravel())


def test_the_example_in_csharp_takes_the_whole_image_for_a_person(
    onnx_run, convert, pixels, tmp_path
):
    graph = convert(TINY.with_name("sapiens_tiny_pose.safetensors"), "--with-preprocessing")
    onnx_run(graph.path, tmp_path / "person.ppm", tmp_path)
    height, width = pixels.shape[:2]
    whole = np.array([[0, 0, width, height]], np.float32)
    in_python = graph.in_onnxruntime(images=pixels[None], boxes=whole)["heatmaps"]
    assert np.array_equal(np.fromfile(tmp_path / "heatmaps.f32", "<f4"), in_python.ravel())


def test_the_page_shows_lines_of_the_example():
    page = (ROOT / "docs" / "onnx.md").read_text(encoding="utf-8")
    [_, shown] = page.split("```csharp\n")
    source = [line.strip() for line in SOURCE.read_text(encoding="utf-8").splitlines()]
    for line in shown.split("```")[0].splitlines():
        assert line.strip() in source
