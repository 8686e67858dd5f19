#!/usr/bin/env bash
# From an empty folder to the embedded networks and both readers, on one graphics card: ten minutes of learning, and as
# long as the readers' lessons take. The embedded networks and readers came from these stages, started one by one, and from
# `--more` after them, on an H100 with 16 cores beside it (docs/LOG.md has the figures).
#
#   bash runs/nano_gpu.sh FOLDER           the whole run; needs 80 GB on the card and 50 GB for the readers' lessons
#   bash runs/nano_gpu.sh --more FOLDER    the embedded denoiser learns on, from new clips; nothing else changes
#   bash runs/nano_gpu.sh --smoke FOLDER   the same stages, tiny, on a processor
#
# Cores render while the card learns: first clips for both networks, then, when these are enough, the readers' lessons.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=whole
case "${1:-}" in --smoke | --more) mode=${1#--}; shift ;; esac
folder=${1:?name the folder that the run is kept in}
python=python
if [ -x .venv/bin/python ]; then python=.venv/bin/python; fi
export OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1

if [ "$mode" = smoke ]; then
    shapes="--shape 128x128:8:32 --shape 96x64:2:32"
    networks="--minutes 0.1 0.1 0.05 --size tiny --device cpu --workers 2 --crops 2 --films 4 --unit 4 --first-clips 4"
    stock="--lessons 176 --portraits 32 --workers 1"
    readers="--device cpu --minutes 0.1 --batch 4"
    usage="--name smoke --steps-per-film 4"
else
    shapes="--shape 128x128:20000:36000 --shape 176x96:2200:5000 --shape 96x176:2200:5000"
    shapes="$shapes --shape 144x112:2200:5000 --shape 112x144:2200:5000"
    networks="--minutes 1.9 5.7 1.2"
    stock="--lessons 14000 --portraits 20000 --workers 8"
    readers="--device cuda --minutes 1.35 --batch 96 --rate 3e-3"
    usage="--name nano --steps-per-film 12"
fi

say() { echo "== $(date +%H:%M:%S) $*"; }

mkdir -p "$folder"
if [ "$mode" = more ]; then
    say "the denoiser, from where the embedded one stands"
    shapes="--shape 128x128:0:42000 --shape 176x96:0:6000 --shape 96x176:0:6000"
    shapes="$shapes --shape 144x112:0:6000 --shape 112x144:0:6000"
    # shellcheck disable=SC2086 # options are words
    "$python" -m kinema.train whole "$folder" --start kinema/weights/nano --seed 1 --minutes 0 7.2 1.5 --guidance 4 $shapes
    "$python" -m kinema.train export --autoencoder "$folder/autoencoder.safetensors" \
        --denoiser "$folder/guided.safetensors" --manifest kinema/weights/nano --manifest "$folder" \
        --folder "$folder/export" $usage
    say "done; KINEMA_WEIGHTS=$folder/export uses these networks"
    exit
fi
say "the readers' lessons are rendered in the background"
fillers=()
for reader in dev sealed; do
    # shellcheck disable=SC2086 # options are words
    nice -n 19 "$python" -m kinema.evaluate.reader_supply "$folder/stock" --reader $reader $stock &
    fillers+=($!)
done
trap 'kill "${fillers[@]}" 2>/dev/null || true' EXIT

say "both networks, while their clips are rendered"
# shellcheck disable=SC2086
"$python" -m kinema.train whole "$folder" $networks $shapes

say "export: both networks for OpenVINO"
# shellcheck disable=SC2086
"$python" -m kinema.train export --autoencoder "$folder/autoencoder.safetensors" \
    --denoiser "$folder/guided.safetensors" --manifest "$folder" --folder "$folder/export" $usage

for filler in "${fillers[@]}"; do wait "$filler"; done
trap - EXIT
for reader in dev sealed; do
    say "reader $reader"
    # shellcheck disable=SC2086
    "$python" -m kinema.evaluate.reader_train --reader $reader --fresh --stock "$folder/stock" $readers \
        --state "$folder/$reader.pt" --only train
done
say "done; KINEMA_WEIGHTS=$folder/export uses these networks, a copy in kinema/weights/nano embeds them;"
say "python -m kinema.evaluate.reader_train --reader dev --state $folder/dev.pt --only export embeds a reader"
