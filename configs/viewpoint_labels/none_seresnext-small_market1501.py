# No viewpoints: L_v is 0, and L_R pulls at centres U that nothing else moves.
_base_ = "../va_reid/va-reid_seresnext-small_market1501.py"

train_dataloader = dict(dataset=dict(viewpoint_file=None))
