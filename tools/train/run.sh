#!/usr/bin/env bash
# Renders synthetic people, trains a tiny Sapiens on them, measures it and writes the files of models/tiny/.
#
#   tools/train/run.sh [OPTION...] [STAGE...]        stages: data pretrain pose seg normal depth export card
#
# All of them by default. The last one measures the exported files and describes them.
#
#   --minutes STAGE=N     budget of a stage (pretrain=20 pose=55 seg=130 normal=80 depth=70)
#   --images N          to train with (20000, about 0.6 MB each), and as many from all sides to pretrain with
#   --held-out N          to measure with (1000)
#   --threads N           of a stage (one per core); two stages at once with one thread each learn more an hour
#   --restart             train the named stages again from the start; leave it out to go on afterwards
#   --work DIR            for data and runs (build/train)
#   --output DIR          for the exported files (models/tiny)
#
# Whatever is interrupted goes on when the same command is given again; finished stages are left alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

declare -A minutes=([pretrain]=20 [pose]=55 [seg]=130 [normal]=80 [depth]=70)
images=20000 held_out=1000 chunk=1000 restart=() work=build/train output=models/tiny threads=$(nproc) stages=()
while [ $# -gt 0 ]; do
  case $1 in
    --minutes)
      stage=${2%%=*}
      [ -n "${minutes[$stage]:-}" ] || { echo "run.sh: --minutes has no stage $stage" >&2; exit 2; }
      minutes[$stage]=${2#*=}
      shift
      ;;
    --images) images=$2; shift ;;
    --held-out) held_out=$2; shift ;;
    --threads) threads=$2; shift ;;
    --restart) restart=(--restart) ;;
    --work) work=$2; shift ;;
    --output) output=$2; shift ;;
    data | pretrain | pose | seg | depth | normal | export | card) stages+=("$1") ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' tools/train/run.sh; exit 2 ;;
  esac
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=(data pretrain pose seg normal depth export card)

# shellcheck source=tools/train/environment.sh
. tools/train/environment.sh

# render NAME SEED COUNT VIEW: folders of images, each there whole or not at all.
render() {
  local first folder
  for ((first = 0; first < $3; first += chunk)); do
    folder=$work/data/$1-$(printf '%06d' "$first")
    [ -d "$folder" ] && continue
    rm -rf "$folder.partial"
    mkdir -p "$folder.partial"
    build/release/bin/mannequin --output "$folder.partial" --first "$first" --seed "$2" --view "$4" --size 192x256 \
      --layout arrays --count $(($3 - first < chunk ? $3 - first : chunk))
    mv "$folder.partial" "$folder"
  done
}

# train STAGE FOLDER MINUTES [OPTION...]
train() {
  local stage=$1 run=$work/runs/$2 minutes=$3 view=front
  shift 3
  [ "$stage" != pretrain ] || view=any
  "$python" tools/train/train.py "$stage" --data "$work"/data/$view-?????? --output "$run" --minutes "$minutes" \
    --threads "$threads" "${restart[@]}" "$@"
  "$python" tools/train/evaluate.py "$run/model.pt" --data "$work"/data/$view-held-out-?????? --threads "$threads" \
    --output "$run/metrics.json"
}

pretrained=$work/runs/pretrain/model.pt
for stage in "${stages[@]}"; do
  case $stage in
    data)
      render any 1 "$images" any
      render any-held-out 1000001 "$held_out" any
      render front 1 "$images" front
      render front-held-out 1000001 "$held_out" front
      ;;
    export) "$python" tools/train/export.py "$work/runs" --output "$output" ;;
    card) "$python" tools/train/card.py "$work/runs" --models "$output" ;;
    pretrain) train pretrain pretrain "${minutes[pretrain]}" ;;
    # Rare classes count more at first; without that at the end, or they become too large.
    seg)
      train seg seg-weighted $((minutes[seg] * 5 / 6)) --init "$pretrained" --class-weights 0.5
      train seg seg $((minutes[seg] / 6 + 1)) --init "$work/runs/seg-weighted/model.pt" --rate 5e-4
      ;;
    # From the pretrained encoder the same loss took three times as many images.
    depth) train depth depth "${minutes[depth]}" --init "$work/runs/normal/model.pt" ;;
    *) train "$stage" "$stage" "${minutes[$stage]}" --init "$pretrained" ;;
  esac
done
