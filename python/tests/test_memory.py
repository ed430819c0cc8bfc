"""Memory that runs out is a MemoryError in every call, and ends no process."""

import subprocess
import sys

import pytest

# Everything is imported and the code of the engine is mapped before the limit is set, so that the
# limit is met in the engine. Exit code 0: done, 5: MemoryError.
CALL = """
import resource, sys
import sapiens
checkpoint, image, call, room = sys.argv[1:]
def used():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
limit = used() + int(room)
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
try:
    if call == "inspect":
        sapiens.inspect(checkpoint)
    elif call == "state":
        sapiens.load_state_dict(checkpoint)
    else:
        model, method = call.split(".")
        getattr(getattr(sapiens, model)(checkpoint, threads=2), method)(image)
except MemoryError as error:
    print(str(error)[:200])
    sys.exit(5)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and sets RLIMIT_AS")
@pytest.mark.parametrize(
    "task, call",
    [
        ("pretrain", "inspect"),
        ("pretrain", "state"),
        ("pretrain", "Encoder.features"),
        ("pose", "Pose.keypoints"),
        ("seg", "Segmenter.segment"),
        ("depth", "Depth.depth"),
    ],
)
def test_memory_that_runs_out_is_a_memory_error(models, image, task, call):
    def code(room):
        ran = subprocess.run(
            [sys.executable, "-c", CALL, models[task], image, call, str(room)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode in (0, 5), f"{room} bytes more: {ran.stdout}{ran.stderr}"
        return ran.returncode

    least, most = 0, 1 << 30  # the call succeeds with a room between them
    assert code(most) == 0
    codes = []
    while most - least > 2 << 20:
        room = (least + most) // 2
        codes.append(code(room))
        least, most = (least, room) if codes[-1] == 0 else (room, most)
    codes += [code(most * step // 8) for step in range(8)]
    assert 5 in codes or call == "inspect"
