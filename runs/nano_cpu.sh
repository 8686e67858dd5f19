#!/usr/bin/env bash
# From an empty folder to networks like the embedded ones, on the cores of one machine. Earlier embedded networks came from
# these stages with fewer steps (docs/LOG.md has them; today's are of nano_gpu.sh); the full figures have not been run to their end.
#
#   bash runs/nano_cpu.sh [FOLDER]           the whole run; by default in $KINEMA_HOME/runs/nano
#   bash runs/nano_cpu.sh --smoke [FOLDER]   the same stages, tiny, in about two minutes; by default in a new folder
#
# A stage is skipped when its output is there and goes on where it stopped, so after a kill at any moment the same
# command loses a few minutes at most.
set -euo pipefail
cd "$(dirname "$0")/.."

smoke=no
folder=
for argument in "$@"; do
    case "$argument" in
        --smoke) smoke=yes ;;
        -*) echo "runs/nano_cpu.sh knows no $argument; it takes --smoke and a folder" >&2; exit 2 ;;
        *) folder=$argument ;;
    esac
done

python=python
if [ -x .venv/bin/python ]; then python=.venv/bin/python; fi
export OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1

if [ "$smoke" = yes ]; then
    folder=${folder:-$(mktemp -d)}
    size=tiny clips=6 latents=8 canvases=4 shapes="144x112:2 112x144:2" pairs=3
    autoencoder="--steps 12 --batch 2"
    stills="--steps 20 --batch 16"
    films="--steps 10 --batch 4 --stills 0.5"
    upscaler="--steps 20 --batch 4"
    usage="--name smoke --steps-per-film 4"
else
    folder=${folder:-$("$python" -c 'from kinema.settings import read_settings; print(read_settings().home)')/runs/nano}
    size=nano clips=1600 latents=20000 canvases=4000 shapes="176x96:1000 96x176:1000 144x112:500 112x144:500" pairs=480
    autoencoder="--steps 6000 --batch 16"
    stills="--steps 6000 --batch 128"
    films="--steps 12000 --batch 32 --stills 0.5"
    upscaler="--steps 8000"
    usage="--name nano --steps-per-film 12"
fi

cores=$("$python" -c 'import os; print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())')
stage=("$python" -m kinema.train)
shared=("${stage[@]}")
if [ "$cores" -ge 2 ]; then # one thread a rank and a rank a core (docs/LOG.md)
    shared=("$python" -m torch.distributed.run --standalone --nproc-per-node 2 -m -- kinema.train)
fi

say() { echo "== $(date +%H:%M:%S) $*"; }

mkdir -p "$folder"
say "the run is kept in $folder, on $((cores >= 2 ? 2 : 1)) of $cores cores"

if [ ! -f "$folder/clips.npy" ]; then
    say "clips: what the autoencoder learns on"
    "${stage[@]}" clips "$folder/clips.npy" --count "$clips"
fi

ae="$folder/autoencoder/autoencoder.safetensors"
if [ ! -f "$ae" ]; then
    say "autoencoder: clips to latents and back"
    # shellcheck disable=SC2086 # options are words
    "${shared[@]}" autoencoder --clips "$folder/clips.npy" --folder "$folder/autoencoder" $autoencoder
fi

if [ ! -f "$folder/latents/whole" ]; then
    say "latents: what the denoiser learns on"
    # Always in two parts, so that a run may go on with another number of cores.
    workers=()
    for part in 0 1; do
        "${stage[@]}" latents --autoencoder "$ae" --folder "$folder/latents" --count "$latents" --part $part --parts 2 &
        workers+=($!)
        if [ "$cores" -lt 2 ]; then wait $!; fi
    done
    trap 'kill "${workers[@]}" 2>/dev/null || true' EXIT
    for worker in "${workers[@]}"; do wait "$worker"; done
    trap - EXIT
    touch "$folder/latents/whole"
fi

encode=("${stage[@]}" latents --autoencoder "$ae")
if [ ! -f "$folder/latents-canvases/whole" ]; then
    say "canvases: what tasks know of a film"
    "${encode[@]}" --folder "$folder/latents-canvases" --count "$canvases" --seed 2 --canvases
    touch "$folder/latents-canvases/whole"
fi

stores=(--latents "$folder/latents" --latents "$folder/latents-canvases")
seed=10
for shape in $shapes; do
    name="latents-${shape%%:*}" seed=$((seed + 1))
    if [ ! -f "$folder/$name/whole" ]; then
        say "latents of ${shape%%:*}: other shapes"
        "${encode[@]}" --folder "$folder/$name" --count "${shape##*:}" --seed "$seed" --size "${shape%%:*}"
        touch "$folder/$name/whole"
    fi
    stores+=(--latents "$folder/$name")
done

learn=("${shared[@]}" denoiser --autoencoder "$ae" --size "$size")
if [ ! -f "$folder/stills/denoiser.safetensors" ]; then
    say "stills: what things look like"
    # shellcheck disable=SC2086
    "${learn[@]}" --latents "$folder/latents" --folder "$folder/stills" --chunks 1 $stills
fi

if [ ! -f "$folder/films/denoiser.safetensors" ]; then
    say "films: how things move, and how tasks go on from what is known"
    # shellcheck disable=SC2086
    "${learn[@]}" "${stores[@]}" --folder "$folder/films" --chunks 8 --start "$folder/stills/denoiser.safetensors" $films
fi

if [ ! -f "$folder/export/networks.json" ]; then
    say "export: both networks for OpenVINO"
    # shellcheck disable=SC2086
    "${stage[@]}" export --autoencoder "$ae" --denoiser "$folder/films/denoiser.safetensors" \
        --clips "$folder/clips.npy" "${stores[@]}" --folder "$folder/export" $usage
fi

if [ ! -f "$folder/upscaled/upscaler.json" ]; then
    say "upscaler: the same films at twice the size"
    [ -f "$folder/pairs/whole" ] || "${stage[@]}" pairs "$folder/pairs" --networks "$folder/export" --count "$pairs"
    touch "$folder/pairs/whole"
    # shellcheck disable=SC2086
    "${shared[@]}" upscaler --pairs "$folder/pairs" --folder "$folder/upscaler" $upscaler
    "${stage[@]}" export-upscaler "$folder/upscaler/upscaler.safetensors" "$folder/upscaled" --networks "$folder/export"
fi

say "a film made with it"
KINEMA_WEIGHTS="$folder/export" "$python" -c 'from kinema.cli import main; main()' \
    generate "a red ball bounces in a meadow" --seed 1 -o "$folder/film.mp4"
say "done; KINEMA_WEIGHTS=$folder/export uses these networks, a copy in kinema/weights/nano embeds them"
