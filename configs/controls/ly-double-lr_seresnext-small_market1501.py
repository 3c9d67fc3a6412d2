# L_y with twice the learning rate. Twice the loss would change nothing for Adam but its decay.
_base_ = "../va_reid/ly_seresnext-small_market1501.py"

optim_wrapper = dict(optimizer=dict(lr=6e-3))
