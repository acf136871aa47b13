#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The tables and figure 3 out of what dekap-figures.sh measured.
#
#   dekap-tables.sh WORK
#
# Confidence: jackknife over the photos, 95 % by Student's t.  Residual: sum of the losses after alignment over
# that before, of each task; then the mean of the tasks.
set -eu
work=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$work"
ls distil-*.table >/dev/null 2>&1 || { echo "no tables in $work" >&2; exit 1; }

awk -f "$here/dekap-tables.awk" ./*-*.table >tables.md
sed '/^#DATA/,$d' tables.md
awk '/^#DATA/ { file = $2; next } file != "" { print > file }' tables.md
command -v gnuplot >/dev/null && gnuplot "$here/dekap-figure3.gp" ||
    echo "no gnuplot: figure3.png is not drawn" >&2
