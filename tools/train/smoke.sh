#!/usr/bin/env bash
# Two steps of every stage on a few small figures, then export, and what the engine says of the files. Says whether the
# parts work together, nothing about accuracy.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=build/train/smoke
rm -rf "$work"
recipe=(tools/train/run.sh --images 24 --held-out 4 --work "$work" --output "$work/export")
"${recipe[@]}" data
for stage in pretrain pose seg normal depth; do
  "${recipe[@]}" "$stage" -- --minutes 0 --steps 2 --batch 8 --log-every 1 --threads 1
done
"${recipe[@]}" export
for task in pose seg depth normal; do
  build/release/bin/sapiens eval "$work/export/sapiens_tiny_$task.safetensors" --data "$work/data/front-held-out"
done
build/release/bin/sapiens reconstruct "$work/export/sapiens_tiny_pretrain.pth" "$work/data/front-held-out" \
  --output "$work/reconstructed"
echo "smoke: all as it should be"
