#!/usr/bin/env bash
# Scores a checkpoint with several processes. On several nodes run it on each with NNODES, NODE_RANK
# and MASTER_ADDR set.
source "$(dirname "$0")/launch.sh"
need 3 "tools/dist_test.sh CONFIG CHECKPOINT NPROC [options of tools/test.py]" "$@"
run_with_torch "$3" test.py "$1" "$2" --launcher pytorch "${@:4}"
