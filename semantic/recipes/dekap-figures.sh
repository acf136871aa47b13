#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# DeKAP's evaluation (section IV-B of the paper): experts for four tasks, distilled levels, and the methods they
# are compared with; prints the tables of docs/DEKAP.md in Markdown and draws figures 2 and 3.  What a run left
# complete is not done again; one that was stopped goes on from its checkpoint.
#
#   dekap-figures.sh WORK "photos:FOLDER,…" "photos:KODAK"   [more options of semradio-train …]
#
# WORK gets weights, logs, tables, figure2-TASK.png, figure3.png, and losses.json (J_A of each level for
# semradio-align allocate).  SEMRADIO_TRAIN: the program (else from the PATH).  BASE: the agents' common weights
# (the shipped ones).  TASKS, METHODS: parts of the whole.
set -eu
work=$1 train=$2 test=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
program=${SEMRADIO_TRAIN:-semradio-train}
base=${BASE:-$here/../models/agent.safetensors}
tasks=${TASKS:-denoise colour superres anomaly}
methods=${METHODS:-distil finish sparse latent longer start full data}
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

align() { # NAME TASK [options]
    local name=$1 task=$2
    shift 2
    run $name-$task agent-align --agent.task=$task --agent.expert="$work/expert-$task.safetensors" "$@"
}

for task in $tasks; do
    run expert-$task agent-expert --agent.task=$task "$@"
done
for method in $methods; do
    for task in $tasks; do
        case $method in
        distil) align distil $task --agent.marks=25,50,100 "$@" ;;
        # On from there at a lower rate: what is shipped.
        finish) align finish $task --train.init="$work/distil-$task.safetensors" --train.seed=4 --train.epochs=1 \
                --train.peak_lr=0.001 --train.out="$work/agent-$task.safetensors" \
                --agent.picture="$work/figure2-$task.png" "$@" ;;
        # What the start from the expert's singular vectors is worth.
        random) align random $task --agent.start=random --agent.marks=25,50,100 "$@" ;;
        # The singular vectors alone, nothing trained.
        start) align start $task --train.epochs=0.01 --train.peak_lr=1e-7 "$@" ;;
        sparse) for units in 1 5; do
                align sparse-$units $task --agent.method=sparse --agent.units=$units --train.epochs=1 \
                    --train.peak_lr=0.003 --agent.marks=25,50 "$@"
            done ;;
        latent) for units in 1 5; do
                align latent-$units $task --agent.method=latent --agent.units=$units --train.epochs=1 \
                    --agent.marks=25,50 "$@"
            done ;;
        data) for units in 5 20; do
                align data-$units $task --agent.method=data --agent.units=$units --train.epochs=0.5 \
                    --train.peak_lr=0.0005 --agent.marks=25 "$@"
            done ;;
        # As many steps for one budget as the levels have for five.
        longer) align longer-sparse-5 $task --agent.method=sparse --agent.units=5 "$@"
            align longer-sparse-1 $task --agent.method=sparse --agent.units=1 "$@"
            align longer-latent-1 $task --agent.method=latent --agent.units=1 "$@" ;;
        # Every weight as a half; nothing is trained.
        full) align full $task --agent.method=sparse --agent.units=1000 --train.epochs=0.01 \
                --train.peak_lr=1e-7 "$@" ;;
        esac
    done
done
"$here/dekap-tables.sh" "$work"
