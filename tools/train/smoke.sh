#!/usr/bin/env bash
# Two steps of every stage on stick figures, then export, and the engine against PyTorch on the exported files. Says
# whether the tools work together, nothing about accuracy. Needs build/release/bin/sapiens (or its path in $SAPIENS).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tools/train/environment.sh
. tools/train/environment.sh
work=build/train/smoke
sapiens=${SAPIENS:-build/release/bin/sapiens}
rm -rf "$work"
"$python" tools/train/stand_in.py --output "$work/data" --count 24
"$python" tools/train/stand_in.py --output "$work/held-out" --count 8 --first 100000

train() {
  "$python" tools/train/train.py "$@" --data "$work/data" --output "$work/runs/$1" --batch 8 --log-every 1 --threads 1
}

for stage in pretrain pose seg depth normal; do
  init=()
  [ $stage = pretrain ] || init=(--init "$work/runs/pretrain/model.pt")
  train $stage --steps 2 "${init[@]}"
  "$python" tools/train/evaluate.py "$work/runs/$stage/model.pt" --data "$work/held-out" --threads 1 \
    --output "$work/runs/$stage/metrics.json" > "$work/$stage.txt"
done

# A run that is interrupted and goes on ends where an uninterrupted one does.
"$python" tools/train/resume_test.py "$work"

"$python" tools/train/export.py "$work/runs" --output "$work/export"
"$python" tools/train/compare_engine.py "$work/export/sapiens_tiny_pretrain.pth" "$work"/export/*.safetensors \
  --data "$work/held-out" --sapiens "$sapiens"
# What fine-tuning starts from may be the cleaned file as well.
train pose --steps 1 --restart --init "$work/export/sapiens_tiny_pretrain_clean.pth"
echo "smoke: all as it should be"
