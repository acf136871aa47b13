#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# DeKAP's fig. 4 with our methods: network loss an agent and time, against N and against how fast the
# links are.  Without --loss the losses are an example, which the paper doesn't print.
#
#   flowgraphs/campaigns/dekap-figure4.sh OUT [COUNT [J_A,...]]
#
# OUT/agents.csv, OUT/rates.csv and, where gnuplot is, OUT/figure4.svg.  COUNT networks a point (100).
set -eu
out=$1
count=${2:-100}
loss=${3:-0.60,0.42,0.30,0.22,0.17}
here=$(cd "$(dirname "$0")/../.." && pwd)
align=${SEMRADIO_ALIGN:-$here/build/release/bin/semradio-align}
mkdir -p "$out"

# One row of CSV a line of JSON: X (nothing: N), then method, loss an agent, seconds, networks, proven.
rows()
{
    awk -v x="$1" '
        function value(key) {
            if (!match($0, "\"" key "\": [^,}]*")) { return "" }
            v = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
            gsub(/"/, "", v)
            return v
        }
        { print (x != "" ? x : value("agents")) "," value("method") "," value("loss_per_agent") \
                "," value("seconds_mean") "," value("networks") "," value("proven") }'
}

table()
{
    "$align" allocate "$@" --network.count "$count" --network.loss "$loss"
}

echo 'N,method,loss,seconds,networks,proven' >"$out/agents.csv"
table --network.agents 3,5,10,20,30 --method full,greedy,genetic,ours,exact --time_limit_s 20 |
    rows '' >>"$out/agents.csv"
table --network.agents 50 --method full,greedy,genetic,ours | rows '' >>"$out/agents.csv"

# eta_T scales all rates: R times x is eta_T / x.
echo 'rate,method,loss,seconds,networks,proven' >"$out/rates.csv"
for rate in 0.25 0.5 1 2 4; do
    eta=$(awk "BEGIN { print 0.5 / $rate }")
    table --network.agents 20 --network.eta_t "$eta" --method full,greedy,ours,exact \
          --time_limit_s 20 | rows "$rate" >>"$out/rates.csv"
done

command -v gnuplot >/dev/null || exit 0
gnuplot <<PLOT
set terminal svg size 900,400 background "white"
set output "$out/figure4.svg"
set datafile separator ","
set multiplot layout 1,2
set grid
set key left bottom
set ylabel "network loss an agent"
set xlabel "agents N"
plot for [m in "full greedy genetic ours exact"] "< grep ,".m.", $out/agents.csv" using 1:3 \
     with linespoints title m
set key right top
set logscale x 2
set xlabel "links faster than the paper's by"
plot for [m in "full greedy ours exact"] "< grep ,".m.", $out/rates.csv" using 1:3 \
     with linespoints title m
PLOT
