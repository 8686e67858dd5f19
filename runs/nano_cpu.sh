#!/usr/bin/env bash
# From an empty folder to the embedded networks, on the cores of one machine. The embedded networks
# came from these stages with fewer steps (docs/LOG.md has them); the full figures below have not been run to their end.
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
    size=tiny clips=6 latents=8
    autoencoder="--steps 12 --batch 2"
    stills="--steps 20 --batch 16"
    films="--steps 10 --batch 4"
    usage="--name smoke --steps-per-film 4"
else
    folder=${folder:-$("$python" -c 'from kinema.settings import read_settings; print(read_settings().home)')/runs/nano}
    size=nano clips=1600 latents=20000
    autoencoder="--steps 6000 --batch 16"
    stills="--steps 6000 --batch 128"
    films="--steps 12000 --batch 32 --lr 5e-4 --muon-lr 2.5e-3"
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

learn=("${shared[@]}" denoiser --autoencoder "$ae" --latents "$folder/latents" --size "$size")
if [ ! -f "$folder/stills/denoiser.safetensors" ]; then
    say "stills: what things look like"
    # shellcheck disable=SC2086
    "${learn[@]}" --folder "$folder/stills" --chunks 1 $stills
fi

if [ ! -f "$folder/films/denoiser.safetensors" ]; then
    say "films: how things move"
    # shellcheck disable=SC2086
    "${learn[@]}" --folder "$folder/films" --chunks 8 --start "$folder/stills/denoiser.safetensors" $films
fi

if [ ! -f "$folder/export/networks.json" ]; then
    say "export: both networks for OpenVINO"
    # shellcheck disable=SC2086
    "${stage[@]}" export --autoencoder "$ae" --denoiser "$folder/films/denoiser.safetensors" \
        --clips "$folder/clips.npy" --latents "$folder/latents" --folder "$folder/export" $usage
fi

say "a film made with it"
KINEMA_WEIGHTS="$folder/export" "$python" -c 'from kinema.cli import main; main()' \
    generate "a red ball bounces in a meadow" --seed 1 -o "$folder/film.mp4"
say "done; KINEMA_WEIGHTS=$folder/export uses these networks, a copy in kinema/weights/nano embeds them"
