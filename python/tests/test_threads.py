"""Models compute without the GIL, and threads may share them."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import sapiens


@pytest.fixture
def gil_is_never_taken_away():
    """A thread runs until it lets go of the GIL by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope="module")
def encoder(models):
    return sapiens.Encoder(models["pretrain"], precision="fp32")


def others_run_during(call):
    started, computing = threading.Event(), [False]
    seen = []

    def look():
        started.wait()
        seen.append(computing[0])

    other = threading.Thread(target=look)
    other.start()
    computing[0] = True
    started.set()
    for _ in range(1000):  # the system may not wake it within one short call
        call()
        if seen:
            break
    computing[0] = False
    other.join()
    return seen[0]


def test_other_threads_run_during(gil_is_never_taken_away, models, encoder, picture, tmp_path):
    inputs = encoder.preprocess(picture)[np.newaxis]
    calls = {
        "inspecting": lambda: sapiens.inspect(models["pretrain"]),
        "loading": lambda: sapiens.Encoder(models["pretrain"]),
        "computing": lambda: encoder.forward(inputs),
        "decoding": lambda: sapiens.read_image(picture),
        "reading weights": lambda: sapiens.load_state_dict(models["pretrain"]),
        "writing weights": lambda: sapiens.synthesize(tmp_path / "m.pth"),
    }
    assert not others_run_during(lambda: sum(range(1000))), "the test itself does not work"
    for what, call in calls.items():
        assert others_run_during(call), what


def test_threads_that_share_a_model_get_their_own_results(models, encoder, pixels):
    pictures = [np.roll(pixels, shift, axis=1) for shift in range(12)]
    expected = [encoder.features(picture) for picture in pictures]
    segmenter = sapiens.Segmenter(models["seg"])
    classes = [segmenter.segment(picture) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        for found, one in zip(pool.map(encoder.features, pictures), expected):
            assert np.array_equal(found, one)
        for found, one in zip(pool.map(segmenter.segment, pictures), classes):
            assert np.array_equal(found, one)


def test_signal_handlers_end_a_computation_and_the_model_stays_usable(encoder, picture):
    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    expected = encoder.features(picture)
    inputs = np.random.default_rng(3).normal(size=(4, 3, 512, 512)).astype(np.float32)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Alarm):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            while True:
                encoder.forward(inputs)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert np.array_equal(encoder.features(picture), expected)


def test_a_forked_child_is_told_instead_of_waiting_for_ever(encoder, picture):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            encoder.features(picture)
        except sapiens.InvalidArgumentError as error:
            code = 0 if "forked" in str(error) and error.hint else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
