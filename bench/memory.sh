#!/usr/bin/env bash
# The figures of docs/memory.md: peak resident memory of inspect and features, per model size.
#
#   bench/memory.sh [SIZE...]        default: 0.3b; 2b needs 9 GB of disk and 10 GB of memory
#
# Needs GNU time (apt-get install time), and makes checkpoints of random weights in build/memory/.
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/release/bin/sapiens
folder=build/memory
mkdir -p "$folder"
[ $# -gt 0 ] || set -- 0.3b

# peak COMMAND...: runs it and prints the peak of its resident memory in MB
peak() {
  /usr/bin/time -f %M -o "$folder/peak" "$@" >"$folder/stdout" 2>"$folder/stderr" || { cat "$folder/stderr" >&2; exit 1; }
  awk '{printf "%.0f", $1 * 1024 / 1e6}' "$folder/peak"
}
from_json() { python3 -c "import json, sys; d = json.load(open(sys.argv[1])); print(eval('d' + sys.argv[2]))" "$@"; }

printf '%-6s %10s %10s %10s %10s %8s\n' size inspect features weights activ. ratio
for size in "$@"; do
  checkpoint=$folder/sapiens_${size}_random.pth
  [ -f "$checkpoint" ] || "$program" synth "$checkpoint" --arch "$size" >/dev/null 2>&1
  inspect=$(peak "$program" inspect "$checkpoint")
  features=$(peak "$program" features "$checkpoint" samples/person.jpg --output "$folder/out" --json)
  cp "$folder/stdout" "$folder/summary.json"
  weights=$(from_json "$folder/summary.json" "['memory']['weight_bytes'] // 10**6")
  activations=$(from_json "$folder/summary.json" "['memory']['activation_bytes'] // 10**6")
  ratio=$(awk -v f="$features" -v w="$weights" -v a="$activations" 'BEGIN {printf "%.2f", f / (w + a)}')
  printf '%-6s %7s MB %7s MB %7s MB %7s MB %8s\n' "$size" "$inspect" "$features" "$weights" "$activations" "$ratio"
done
