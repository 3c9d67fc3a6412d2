default_scope = "mmpretrain"

default_hooks = dict(
    runtime_info=dict(type="mmvareid.LazyRuntimeInfoHook"),
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(
        type="CheckpointHook", interval=10, max_keep_ckpts=3, save_best="reid/mAP", rule="greater"
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
)
custom_hooks = [
    dict(type="mmvareid.DataCheckHook"),
    dict(type="mmvareid.CenterAngleHook"),  # silent where the head has no viewpoint centres
    dict(type="mmvareid.EpochSeedHook"),
    dict(type="mmvareid.NonFiniteHook"),
    dict(type="mmvareid.UnreadableImagesHook"),
    dict(type="mmvareid.ValidateResumedHook"),
    dict(type="SyncBuffersHook"),  # else each process would validate by its own BN statistics
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
visualizer = dict(type="UniversalVisualizer", vis_backends=[dict(type="LocalVisBackend")])
randomness = dict(seed=0)
log_level = "INFO"
load_from = None
resume = False
