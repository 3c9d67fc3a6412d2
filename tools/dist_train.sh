#!/usr/bin/env bash
# Trains with several processes. On several nodes run it on each with NNODES, NODE_RANK and
# MASTER_ADDR set.
source "$(dirname "$0")/launch.sh"
need 2 "tools/dist_train.sh CONFIG NPROC [options of tools/train.py]" "$@"
run_with_torch "$2" train.py "$1" --launcher pytorch "${@:3}"
