#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The campaigns behind docs/FEDERATED.md on the latents of real encoders.  Goes on where it was stopped.
#
#     flowgraphs/campaigns/federated.sh latents FOLDER CIFAR10    # CIFAR10: folder of the "binary version"
#     flowgraphs/campaigns/federated.sh unlike|alike|clothes FOLDER [SEEDS [METHODS]]
#     flowgraphs/campaigns/federated.sh snr|rounds|points FOLDER [SEEDS]
#     /usr/bin/python3 flowgraphs/campaigns/federated_tables.py sweep|captured|rounds|points FOLDER
#     gnuplot -e "folder='FOLDER'" flowgraphs/campaigns/federated.gp
set -e
what=$1 folder=$2
here=$(cd "$(dirname "$0")/../.." && pwd)
bin=${SEMRADIO_BIN:-$here/build/release/bin}
seeds=${3:-1,2,3,4,5,6}
mkdir -p "$folder"

latents() { # DATA TEST ENCODER...
    data=$1 test=$2
    shift 2
    "$bin/semradio-train" latents --latents.encoders="$(echo "$@" | tr ' ' ',')" --latents.data="$data" \
        --latents.test="$test" --latents.pictures=5000 --latents.tests=5000 --latents.out="$folder"
}

campaign() { # NAME AP USERS OPTIONS...
    name=$1 ap=$folder/$2.safetensors users=
    for user in $3; do
        users=$users${users:+,}$folder/$user.safetensors
    done
    shift 3
    "$bin/semradio-align" federated-campaign --campaign.ap="$ap" --campaign.users="$users" \
        --campaign.seeds="$seeds" --campaign.task_weight=1 --campaign.out="$folder/$name.csv" "$@"
}

# Users of three architectures and widths; users of one, which is not the access point's.
unlike="cifar10-residual cifar10-plain cifar10-dense"
alike="cifar10-plain cifar10-plain cifar10-plain"
clothes="fashion-mnist-residual fashion-mnist-plain"
methods=${4:-mean,wiener-wide-raw,wiener-wide-task,first-k,wiener,multi,joint,mean-wide-raw,multi-wide-raw,top-k,top-k-free}
grid="--campaign.k=1,2,4,6,8,10,20 --campaign.antennas=1,2,4 --campaign.snr_db=20"

case $what in
latents)
    latents "cifar10:$3/data_batch_1.bin" "cifar10:$3/test_batch.bin" \
        cifar10-residual cifar10-plain cifar10-dense judge-cifar10
    latents fashion-mnist:train fashion-mnist:test \
        fashion-mnist-residual fashion-mnist-plain judge-fashion-mnist
    ;;
unlike)
    campaign unlike judge-cifar10 "$unlike" $grid --campaign.methods=$methods
    ;;
alike)
    campaign alike judge-cifar10 "$alike" $grid --campaign.methods=$methods
    ;;
clothes)
    campaign clothes judge-fashion-mnist "$clothes" $grid --campaign.methods=$methods
    ;;
snr)
    campaign snr judge-cifar10 "$unlike" --campaign.k=4 --campaign.antennas=4 --campaign.snr_db=-20:10:30 \
        --campaign.methods=mean,joint,wiener-random,wiener,one-shot,first-k,top-k,top-k-free,multi,mean-wide-raw,joint-wide-raw,wiener-wide-raw,optimum,optimum-wide-raw
    ;;
rounds)
    campaign rounds judge-cifar10 "$unlike" --campaign.k=8 --campaign.antennas=4 --campaign.snr_db=-10,20 \
        --campaign.rounds=1,2,3,5,10,30,100 \
        --campaign.methods=mean,joint,wiener-random,wiener,one-shot,wiener-wide-raw,wiener-wide-task,one-shot-wide-task
    ;;
points)
    for points in false true; do
        campaign points judge-cifar10 "$unlike" --campaign.k=1,4,10 --campaign.antennas=2 \
            --campaign.snr_db=10:10:30 --campaign.methods=mean,wiener-wide-task --campaign.points=$points
    done
    ;;
*)
    echo "say latents, unlike, alike, clothes, snr, rounds, or points" >&2
    exit 2
    ;;
esac
