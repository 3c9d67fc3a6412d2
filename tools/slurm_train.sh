#!/usr/bin/env bash
# Trains on a Slurm cluster. GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS are read from the
# environment.
source "$(dirname "$0")/launch.sh"
need 4 "tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [options]" "$@"
GPUS=${GPUS:-8}
run_with_slurm "$1" "$2" train.py "$3" --work-dir "$4" --launcher slurm "${@:5}"
