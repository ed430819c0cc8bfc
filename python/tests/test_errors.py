"""Errors are Python's, with the engine's text and fields."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import sapiens


def error_of(call, *arguments, **options):
    with pytest.raises(sapiens.Error) as caught:
        call(*arguments, **options)
    return caught.value


def test_text_is_that_of_the_program(models, tmp_path):
    program = os.environ.get("SAPIENS_PROGRAM")
    if not program:
        pytest.skip("SAPIENS_PROGRAM does not say where the program is")
    cut = tmp_path / "cut.pth"
    cut.write_bytes(models["pretrain"].read_bytes()[:5000])
    for path in (tmp_path / "none.pth", cut):
        ran = subprocess.run([program, "inspect", path], capture_output=True, text=True)
        assert str(error_of(sapiens.inspect, path)) in ran.stderr


def test_a_missing_file_is_a_file_not_found(tmp_path):
    missing = tmp_path / "missing.pth"
    for call in (
        sapiens.inspect,
        sapiens.Encoder,
        sapiens.Pose,
        sapiens.load_state_dict,
        sapiens.read_image,
        sapiens.Detector,
        sapiens.Reconstructor,
    ):
        error = error_of(call, missing)
        assert isinstance(error, sapiens.NotFoundError) and isinstance(error, FileNotFoundError)
        assert error.code == "not-found"
        assert error.file == str(missing) and str(missing) in str(error)


CUT_WHILE_READING = """
import os, sys, threading, sapiens
path, refused = sys.argv[1], 0
with open(path, "rb") as file:
    whole = file.read()
for number in range(20):
    with open(path, "wb") as file:
        file.write(whole)
    cut = threading.Timer(number / 2000, os.truncate, (path, 5000 * number))
    cut.start()
    if number == 19:
        cut.join()  # the last one is cut for certain
    try:
        sapiens.load_state_dict(path)
    except sapiens.Error as error:
        assert error.code == "corrupt-file" and path in str(error), error
        refused += 1
    cut.join()
print(refused)
"""


@pytest.mark.parametrize("options", [[], ["-X", "faulthandler"]])
def test_a_file_that_is_cut_short_while_it_is_read_is_an_error(models, tmp_path, options):
    path = tmp_path / "model.pth"
    path.write_bytes(models["pretrain"].read_bytes())
    command = [sys.executable, *options, "-c", CUT_WHILE_READING, path]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0 and not ran.stderr
    assert int(ran.stdout) > 0


def test_a_file_of_something_else_is_a_value_error(tmp_path):
    text = tmp_path / "text.pth"
    text.write_text("no checkpoint at all")
    error = error_of(sapiens.inspect, text)
    assert isinstance(error, sapiens.UnsupportedFormatError) and isinstance(error, ValueError)
    (tmp_path / "empty.pth").touch()
    assert error_of(sapiens.inspect, tmp_path / "empty.pth").summary
    assert isinstance(error_of(sapiens.read_image, text), sapiens.UnsupportedFormatError)


def test_a_damaged_file_is_corrupt(models, tmp_path):
    sapiens.synthesize(tmp_path / "whole.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((tmp_path / "whole.safetensors").read_bytes()[:-100])
    error = error_of(sapiens.Encoder, cut)
    assert isinstance(error, sapiens.CorruptFileError)
    assert error.hint


def test_options_that_make_no_sense_are_invalid_arguments(models, pixels):
    for options in (
        {"precision": "fp8"},
        {"threads": -1},
        {"threads": 10**6},
        {"isa": "mmx"},
        {"heads": -1},
        {"size": (8, 64)},
        {"size": (64, 10**9)},
    ):
        error = error_of(sapiens.Encoder, models["pretrain"], **options)
        assert isinstance(error, sapiens.InvalidArgumentError) and isinstance(error, ValueError)
    encoder = sapiens.Encoder(models["pretrain"])
    error = error_of(encoder.features, pixels, "nothing")
    assert error.key == "out_type" and "featmap" in error.expected and error.actual == "nothing"
    assert error_of(encoder.features, pixels, layers=[99]).code == "invalid-argument"
    with pytest.raises(TypeError):
        sapiens.Encoder(models["pretrain"], no_such_option=1)


def test_what_a_file_holds_is_no_path_and_not_repeated(models, image):
    """A long value in a wrong place gives a short message."""
    whole = models["pretrain"].read_bytes()
    text = "x" * 100_000
    encoder = sapiens.Encoder(models["pretrain"])
    detector_free = sapiens.Pose(models["pose"])
    for function, arguments in (
        (sapiens.inspect, (whole,)),
        (sapiens.inspect, (text,)),
        (sapiens.inspect, (bytearray(whole),)),
        (sapiens.load_state_dict, (whole,)),
        (sapiens.convert, (models["pretrain"], whole)),
        (sapiens.synthesize, (whole,)),
        (sapiens.Encoder, (whole,)),
        (sapiens.Pose, (text,)),
        (sapiens.Detector, (whole,)),
        (sapiens.Reconstructor, (whole,)),
        (sapiens.read_image, (image.read_bytes(),)),
        (encoder.features, (whole,)),
        (encoder.features, (bytearray(whole),)),
        (encoder.features, (image, text)),
        (encoder.features, (image, "raw", text)),
        (detector_free.keypoints, (image, text)),
    ):
        with pytest.raises((TypeError, ValueError)) as refused:
            function(*arguments)
        assert len(str(refused.value)) < 600, (function, arguments[-1][:20])
    for options in ({"arch": text}, {"threads": text}, {"precision": text}, {"heads": whole}):
        with pytest.raises((TypeError, ValueError)) as refused:
            sapiens.Encoder(models["pretrain"], **options)
        assert len(str(refused.value)) < 1200, list(options)


def test_a_path_is_never_cut_at_a_nul(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    for path in (f"{tmp_path}/a\0b", f"{tmp_path}/a\0b".encode()):
        with pytest.raises((TypeError, ValueError)):
            sapiens.inspect(path)
        with pytest.raises((TypeError, ValueError)):
            sapiens.read_image(path)


def test_a_file_of_any_bytes_is_named_as_python_spells_it(tmp_path):
    missing = bytes(tmp_path) + b"/m\xff.pth"
    error = error_of(sapiens.inspect, missing)
    assert error.file == os.fsdecode(missing)
    assert "m\\xff.pth" in str(error)  # which can be printed


def test_memory_that_runs_out_is_out_of_resources():
    script = """if True:
        import resource
        import numpy as np
        import sapiens
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, used + 2**26))
        large = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (16000, 16000, 3))
        try:
            sapiens._sapiens.Image.from_array(large)
        except sapiens.OutOfResourcesError as error:
            print(error.code, isinstance(error, MemoryError))
    """
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout == "out-of-resources True\n", ran.stderr


def test_errors_survive_pickling(tmp_path):
    error = error_of(sapiens.inspect, tmp_path / "missing.pth")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)
    assert (again.code, again.file, again.hint) == (error.code, error.file, error.hint)


def test_every_class_is_an_error_of_sapiens():
    classes = [getattr(sapiens, name) for name in sapiens.__all__ if name.endswith("Error")]
    assert len(classes) == 12
    assert all(issubclass(one, sapiens.Error) for one in classes)
