# Blocks, neck and losses compiled, each shape once; the first step takes the time of it.
_base_ = "../va_reid/va-reid_seresnext101_market1501.py"

custom_hooks = [*_base_.custom_hooks, dict(type="mmvareid.CompileBlocksHook")]
