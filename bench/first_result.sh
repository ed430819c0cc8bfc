#!/usr/bin/env bash
# The table of docs/packages.md: how long a new user waits for a first result through each interface, from the first command
# after the installation, with the bundled models and image.
#
#   cmake --install build/release --prefix DIR && python3 -m venv VENV && VENV/bin/pip install .
#   bench/first_result.sh DIR VENV [RUNS]
#
# Needs curl, pkg-config and a C compiler. Of RUNS (5) it shows the median, the quickest and the slowest, and the
# median of processor time, which a busy machine changes little.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2; }
tree=$(realpath "$1") venv=$(realpath "$2") runs=${3:-5}
cd "$(dirname "$0")/.."
image=$PWD/samples/person.jpg
pose=$PWD/models/tiny/sapiens_tiny_pose.safetensors
encoder=$PWD/models/tiny/sapiens_tiny_pretrain_clean.pth
example=$PWD/examples/c/features.c
PKG_CONFIG_PATH=$(dirname "$(find "$tree" -name sapiens-c.pc)")
LD_LIBRARY_PATH=$(dirname "$(find "$tree" -name 'libsapiens_c.so' | head -n 1)")
export PKG_CONFIG_PATH LD_LIBRARY_PATH PATH="$tree/bin:$venv/bin:$PATH"
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"

# Each does what a user types, one command a line, and leaves something in `result`.
command_line() {
  sapiens pose "$pose" "$image" --output out 2>log
  mv out/person.json result
}
in_python() {
  python -c "import sapiens; print(sapiens.Pose('$pose').keypoints('$image').keypoints)" >result
}
in_c() {
  # shellcheck disable=SC2046  # several words are meant
  cc -std=c11 "$example" $(pkg-config --cflags --libs sapiens-c) -o features
  ./features "$encoder" "$image" >result
}
from_server() {
  sapiens serve --port 0 --model "pose=$pose" 2>log &
  server=$!
  until address=$(grep -o 'http://[0-9.:]*' log | head -n 1) && curl -sf "$address/healthz" >/dev/null; do sleep 0.005; done
  curl -sf --data-binary "@$image" -H 'Content-Type: image/jpeg' "$address/v1/pose" >result
  answered=$EPOCHREALTIME  # the goodbye is not waited for
  kill "$server"
  wait "$server" || true
  server=
}

# measure INTERFACE COMMANDS FUNCTION
measure() {
  local times=() spent=() began
  for ((run = 0; run < runs; ++run)); do
    rm -rf out result features log
    began=$EPOCHREALTIME answered=
    { time "$3" >/dev/null 2>errors; } 2>processor
    times+=("$(awk -v a="$began" -v b="${answered:-$EPOCHREALTIME}" 'BEGIN {printf "%.2f", b - a}')")
    spent+=("$(awk '{printf "%.2f", $1 + $2}' processor)")
    [ -s result ] || { echo "no result: $1" >&2; cat errors >&2; exit 1; }
  done
  mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
  mapfile -t spent < <(printf '%s\n' "${spent[@]}" | sort -n)
  printf '| %s | %s | %s s | %s to %s s | %s s |\n' "$1" "$2" "${times[runs / 2]}" "${times[0]}" "${times[runs - 1]}" \
    "${spent[runs / 2]}"
}

TIMEFORMAT='%U %S'
echo "| interface | commands | median | of $runs | processor time |"
echo "|---|---|---|---|---|"
measure "command line" 1 command_line
measure Python 1 in_python
measure C 2 in_c
measure server 2 from_server
