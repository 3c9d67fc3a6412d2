#!/usr/bin/env bash
# Scores a checkpoint on a Slurm cluster. GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS are read
# from the environment.
source "$(dirname "$0")/launch.sh"
need 4 "tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options]" "$@"
GPUS=${GPUS:-1}
run_with_slurm "$1" "$2" test.py "$3" "$4" --launcher slurm "${@:5}"
