"""Models compute without the GIL, and threads may share them."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

import sapiens


LARGE = np.random.default_rng(3).normal(size=(4, 3, 512, 512)).astype(np.float32)


def growing_batches():
    for power in range(6):
        yield np.tile(LARGE, (2**power, 1, 1, 1))


@contextmanager
def on_alarm(handler):
    """Runs the handler soon, and ends the waiting for it."""
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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


def test_other_threads_run_during(gil_is_never_taken_away, models, encoder, image, tmp_path):
    inputs = encoder.preprocess(image)[np.newaxis]
    calls = {
        "inspecting": lambda: sapiens.inspect(models["pretrain"]),
        "loading": lambda: sapiens.Encoder(models["pretrain"]),
        "computing": lambda: encoder.forward(inputs),
        "decoding": lambda: sapiens.read_image(image),
        "reading weights": lambda: sapiens.load_state_dict(models["pretrain"]),
        "writing weights": lambda: sapiens.synthesize(tmp_path / "m.pth"),
    }
    assert not others_run_during(lambda: sum(range(1000))), "the test itself does not work"
    for what, call in calls.items():
        assert others_run_during(call), what


def test_threads_that_share_a_model_get_their_own_results(models, encoder, pixels):
    images = [np.roll(pixels, shift, axis=1) for shift in range(12)]
    expected = [encoder.features(image) for image in images]
    segmenter = sapiens.Segmenter(models["seg"])
    classes = [segmenter.segment(image) for image in images]
    with ThreadPoolExecutor(6) as pool:
        for found, one in zip(pool.map(encoder.features, images), expected):
            assert np.array_equal(found, one)
        for found, one in zip(pool.map(segmenter.segment, images), classes):
            assert np.array_equal(found, one)


def test_signal_handlers_end_a_computation_and_the_model_stays_usable(encoder, image):
    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    expected = encoder.features(image)
    with on_alarm(handler), pytest.raises(Alarm):
        while True:
            encoder.forward(LARGE)
    assert np.array_equal(encoder.features(image), expected)


def test_a_signal_handler_cannot_wait_for_the_call_that_it_interrupts(encoder):
    caught = []

    def handler(number, frame):
        try:
            encoder.forward(LARGE[:1])
        except sapiens.InvalidArgumentError as error:
            caught.append(error)

    for inputs in growing_batches():  # until a call is so long that the handler runs inside of it
        with on_alarm(handler):
            encoder.forward(inputs)
        if caught:
            break
    assert "interrupts" in str(caught[0]) and caught[0].hint


def test_signal_handlers_end_the_wait_for_another_thread(encoder):
    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    was_computing = False
    for inputs in growing_batches():  # until the other's call outlasts the wait
        other = threading.Thread(target=encoder.forward, args=[inputs])
        other.start()
        with on_alarm(handler), pytest.raises(Alarm):
            while True:
                encoder.forward(inputs[:1, :, :16, :16])
        was_computing = other.is_alive()
        other.join()
        if was_computing:
            break
    assert was_computing


def test_python_ends_while_a_daemon_thread_computes(models):
    script = """if True:
        import sys, threading
        import numpy as np
        import sapiens
        encoder = sapiens.Encoder(sys.argv[1])
        started = threading.Barrier(3)
        def compute():
            inputs = np.zeros((1, 3, 256, 256), np.float32)
            encoder.forward(inputs)
            started.wait()
            while True:
                encoder.forward(inputs)
        for _ in range(2):
            threading.Thread(target=compute, daemon=True).start()
        started.wait()
    """
    for _ in range(5):
        subprocess.run([sys.executable, "-c", script, models["pretrain"]], check=True)


def test_a_forked_child_is_told_instead_of_waiting_for_ever(encoder, image):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            encoder.features(image)
        except sapiens.InvalidArgumentError as error:
            code = 0 if "forked" in str(error) and error.hint else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
