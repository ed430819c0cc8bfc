#!/usr/bin/env bash
# Runs every fuzzer of build/fuzz for a while. What it finds stays in build/corpus/NAME, minimised, where the next run begins.
#
#   tests/fuzz/run.sh SECONDS_EACH
#
# A crash goes to build/fuzz/crashes and is the exit status of the script, after the other fuzzers have run.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?usage: tests/fuzz/run.sh SECONDS_EACH}
mkdir -p build/fuzz/crashes build/corpus

seeds() {
  case "$1" in
    image) echo tests/data/golden/preprocess_full ;;
    npy) ls -d tests/data/golden/encoder_* ;;
    *) echo tests/data/checkpoints ;;
  esac
}

failed=0
for fuzzer in build/fuzz/bin/fuzz_*; do
  name=${fuzzer##*/fuzz_}
  corpus=build/corpus/$name
  mapfile -t inputs < <(seeds "$name")
  mkdir -p "$corpus"
  "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=2048 -artifact_prefix="build/fuzz/crashes/$name-" \
    "$corpus" "${inputs[@]}" || failed=1
  # Only inputs that reach something new are kept.
  mkdir -p "$corpus.new"
  if "$fuzzer" -merge=1 -rss_limit_mb=2048 "$corpus.new" "$corpus" "${inputs[@]}"; then
    rm -rf "$corpus"
    mv "$corpus.new" "$corpus"
  else
    rm -rf "$corpus.new"
  fi
done
exit "$failed"
