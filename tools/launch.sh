# Sourced by dist_*.sh and slurm_*.sh: how a tool is started in several processes.
set -euo pipefail

TOOLS=$(dirname "$0")
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"

# need NUMBER USAGE ARGUMENTS...: ends with the usage if there are fewer arguments.
need() {
    if [ $(($# - 2)) -lt "$1" ]; then
        echo "usage: bash $2" >&2
        exit 2
    fi
}

# run_with_torch NPROC TOOL ARGUMENTS...
run_with_torch() {
    local processes=$1 tool=$2
    shift 2
    exec "${PYTHON:-python}" -m torch.distributed.run \
        --nnodes="${NNODES:-1}" \
        --node_rank="${NODE_RANK:-0}" \
        --master_addr="${MASTER_ADDR:-127.0.0.1}" \
        --master_port="${MASTER_PORT:-29500}" \
        --nproc_per_node="$processes" \
        "$TOOLS/$tool" "$@"
}

# run_with_slurm PARTITION JOB_NAME TOOL ARGUMENTS...
run_with_slurm() {
    local partition=$1 job=$2 tool=$3
    shift 3
    local per_node=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
    # shellcheck disable=SC2086  # SRUN_ARGS holds several words
    exec srun -p "$partition" \
        --job-name="$job" \
        --gres="gpu:$per_node" \
        --ntasks="$GPUS" \
        --ntasks-per-node="$per_node" \
        --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 \
        ${SRUN_ARGS:-} \
        "${PYTHON:-python}" -u "$TOOLS/$tool" "$@"
}
