"""mmvareid's registries, one under each registry of mmpretrain.

In configs our types are written with their scope, ``mmvareid.X``: then they are found from
mmpretrain's default scope too, without ``custom_imports``. All nodes exist, also those without a
type of ours, since MMEngine warns of a scope that lacks one.
"""

from mmengine.registry import FUNCTIONS as ROOT_FUNCTIONS
from mmengine.registry import STRATEGIES as ROOT_STRATEGIES
from mmengine.registry import Registry
from mmpretrain import registry as parents

# The locations are imported when the registry is first asked for a type. A parent's are not
# imported then, so nodes without a type of ours name them; ours import them.
RUNNERS = Registry("runner", parent=parents.RUNNERS, locations=["mmpretrain.engine"])
RUNNER_CONSTRUCTORS = Registry(
    "runner constructor", parent=parents.RUNNER_CONSTRUCTORS, locations=["mmpretrain.engine"]
)
STRATEGIES = Registry("strategy", parent=ROOT_STRATEGIES, locations=["mmvareid.engine"])
LOOPS = Registry("loop", parent=parents.LOOPS, locations=["mmpretrain.engine"])
HOOKS = Registry("hook", parent=parents.HOOKS, locations=["mmvareid.engine"])
LOG_PROCESSORS = Registry(
    "log processor", parent=parents.LOG_PROCESSORS, locations=["mmpretrain.engine"]
)
OPTIMIZERS = Registry("optimizer", parent=parents.OPTIMIZERS, locations=["mmpretrain.engine"])
OPTIM_WRAPPERS = Registry(
    "optimizer wrapper", parent=parents.OPTIM_WRAPPERS, locations=["mmpretrain.engine"]
)
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    "optimizer wrapper constructor",
    parent=parents.OPTIM_WRAPPER_CONSTRUCTORS,
    locations=["mmpretrain.engine"],
)
PARAM_SCHEDULERS = Registry(
    "parameter scheduler", parent=parents.PARAM_SCHEDULERS, locations=["mmpretrain.engine"]
)
DATASETS = Registry("dataset", parent=parents.DATASETS, locations=["mmvareid.datasets"])
DATA_SAMPLERS = Registry(
    "data sampler", parent=parents.DATA_SAMPLERS, locations=["mmvareid.datasets"]
)
TRANSFORMS = Registry(
    "transform",
    parent=parents.TRANSFORMS,
    locations=["mmvareid.datasets", "mmvareid.models.batch_transforms"],
)
FUNCTIONS = Registry("function", parent=ROOT_FUNCTIONS, locations=["mmvareid.datasets"])
MODELS = Registry("model", parent=parents.MODELS, locations=["mmvareid.models"])
MODEL_WRAPPERS = Registry(
    "model_wrapper", parent=parents.MODEL_WRAPPERS, locations=["mmpretrain.models"]
)
WEIGHT_INITIALIZERS = Registry(
    "weight initializer", parent=parents.WEIGHT_INITIALIZERS, locations=["mmpretrain.models"]
)
TASK_UTILS = Registry("task util", parent=parents.TASK_UTILS, locations=["mmpretrain.models"])
METRICS = Registry("metric", parent=parents.METRICS, locations=["mmvareid.evaluation"])
EVALUATORS = Registry("evaluator", parent=parents.EVALUATORS, locations=["mmpretrain.evaluation"])
VISUALIZERS = Registry(
    "visualizer", parent=parents.VISUALIZERS, locations=["mmpretrain.visualization"]
)
VISBACKENDS = Registry(
    "vis_backend", parent=parents.VISBACKENDS, locations=["mmpretrain.visualization"]
)
