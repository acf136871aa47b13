#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# DeKAP's evaluation (section IV-B of the paper): experts for four tasks, distilled levels, and the methods they
# are compared with; prints the tables of docs/DEKAP.md in Markdown and draws figures 2 and 3.  What a run left
# complete is not done again; one that was stopped goes on from its checkpoint.
#
#   dekap-figures.sh WORK "photos:FOLDER,…" "photos:KODAK"   [more options of semradio-train …]
#
# WORK gets weights, logs, tables, figure2.png, figure3.svg, and losses.json (J_A of each level for
# semradio-align allocate).  SEMRADIO_TRAIN: the program (else from the PATH).  BASE: the agents' common weights
# (the shipped ones).  TASKS, METHODS: parts of the whole.
set -eu
work=$1 train=$2 test=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
program=${SEMRADIO_TRAIN:-semradio-train}
base=${BASE:-$here/../models/agent.safetensors}
tasks=${TASKS:-denoise colour superres anomaly}
methods=${METHODS:-distil sparse latent data}
mkdir -p "$work"

# NAME RECIPE [options]: one run, unless its table is there.
run() {
    local name=$1 recipe=$2
    shift 2
    [ -s "$work/$name.table" ] && return 0
    echo "== $name" >&2
    [ -s "$work/$name.checkpoint" ] || rm -f "$work/$name.partial"
    "$program" agent --config "$here/$recipe.conf" --data.train="$train" --data.test="$test" \
        --agent.init="$base" --train.out="$work/$name.safetensors" --train.log="$work/$name.log" \
        --train.checkpoint="$work/$name.checkpoint" --train.checkpoint_minutes=30 --train.resume=true \
        --agent.table="$work/$name.partial" "$@" 2>"$work/$name.err" >/dev/null ||
        { cat "$work/$name.err" >&2; exit 1; }
    rm -f "$work/$name.err" "$work/$name.checkpoint" "$work/$name.checkpoint.weights"
    mv "$work/$name.partial" "$work/$name.table"
}

for task in $tasks; do
    expert=$work/expert-$task.safetensors
    run expert-$task agent-expert --agent.task=$task "$@"
    align=(--agent.task=$task --agent.expert="$expert")
    for method in $methods; do
        case $method in
        distil) run distil-$task agent-align "${align[@]}" --agent.marks=50,100,200 "$@" ;;
        # Not the same knowledge twice: what the start from singular vectors is worth.
        random) run random-$task agent-align "${align[@]}" --agent.start=random --agent.marks=50,100,200 \
            --train.peak_lr=0.003 "$@" ;;
        sparse) for units in 1 2 5; do
                run sparse-$units-$task agent-align "${align[@]}" --agent.method=sparse --agent.units=$units \
                    --train.peak_lr=0.0003 --agent.marks=50,100,200 "$@"
            done ;;
        latent) for units in 1 5; do
                run latent-$units-$task agent-align "${align[@]}" --agent.method=latent --agent.units=$units \
                    --agent.marks=50,100,200 "$@"
            done ;;
        data) for units in 5 20; do
                run data-$units-$task agent-align "${align[@]}" --agent.method=data --agent.units=$units \
                    --train.peak_lr=0.0002 --train.epochs=2 --agent.marks=50,100 "$@"
            done ;;
        esac
    done
done
"$here/dekap-tables.sh" "$work"
