#!/usr/bin/env bash
# Renders synthetic people, trains a tiny Sapiens on them, measures it and writes the files of models/tiny/.
#
#   tools/train/run.sh [OPTION...] [STAGE...] [-- FLAG...]   stages: data pretrain pose seg normal depth export card
#
# All of them by default. The last one measures the exported files and describes them. Each stage of training is a run of
# `python -m sapiens.train` with the values of STAGE.toml; FLAGs are its flags and count more, as `-- --minutes 10`.
#
#   --images N          to train with (20000, about 0.6 MB each), and as many from all sides to pretrain with
#   --held-out N        to validate with (300)
#   --work DIR          for data and runs (build/train)
#   --output DIR        for the exported files (models/tiny)
#
# Whatever is interrupted goes on when the same command is given again; finished stages are left alone, unless
# --overwrite is among the FLAGs.
set -euo pipefail
cd "$(dirname "$0")/../.."

images=20000 held_out=300 work=build/train output=models/tiny stages=() flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --images) images=$2; shift ;;
    --held-out) held_out=$2; shift ;;
    --work) work=$2; shift ;;
    --output) output=$2; shift ;;
    data | pretrain | pose | seg | depth | normal | export | card) stages+=("$1") ;;
    --) shift; flags=("$@"); break ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' tools/train/run.sh; exit 2 ;;
  esac
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=(data pretrain pose seg normal depth export card)

# shellcheck source=tools/train/environment.sh
. tools/train/environment.sh
sapiens=build/release/bin/sapiens

# render NAME SEED COUNT VIEW [OPTION...]: a folder of images, there whole or not at all.
render() {
  local folder=$work/data/$1
  [ -d "$folder" ] && return
  rm -rf "$folder.partial"
  build/release/bin/mannequin --output "$folder.partial" --seed "$2" --count "$3" --view "$4" --size 192x256 "${@:5}"
  mv "$folder.partial" "$folder"
}

# train STAGE VIEW [INIT]
train() {
  local run=$work/runs/$1 data=$work/data/$2
  local given=(--config "tools/train/$1.toml" --data "$data" --validation "$data-held-out" --output "$run")
  [ $# -lt 3 ] || given+=(--init "$3")
  case " ${flags[*]} " in
    *" --overwrite "*) ;;
    *) [ ! -e "$run/config.toml" ] || given+=(--resume) ;;
  esac
  "$python" -m sapiens.train "${given[@]}" "${flags[@]}"
}

# convert STAGE FILE LAYOUT [OPTION...]: a checkpoint in 16 bits.
convert() {
  mkdir -p "$output"
  "$sapiens" convert "$work/runs/$1/model.pth" "$output/$2" --layout "$3" --dtype f16 "${@:4}"
}

for stage in "${stages[@]}"; do
  case $stage in
    data)
      render any 1 "$images" any --layout arrays
      render any-held-out 1000001 "$held_out" any
      render front 1 "$images" front --layout arrays
      render front-held-out 1000001 "$held_out" front
      ;;
    pretrain) train pretrain any ;;
    seg)
      train seg-small front "$work/runs/pretrain/model.pth"
      train seg front "$work/runs/seg-small/model.pth"
      ;;
    depth) train depth front "$work/runs/normal/model.pth" ;;
    export)
      convert pretrain sapiens_tiny_pretrain.pth mmengine --keep-unused
      convert pretrain sapiens_tiny_pretrain_clean.pth clean
      for task in pose seg depth normal; do convert "$task" "sapiens_tiny_$task.safetensors" mmengine; done
      ;;
    card) "$python" tools/train/card.py "$work/runs" --models "$output" ;;
    *) train "$stage" front "$work/runs/pretrain/model.pth" ;;
  esac
done
