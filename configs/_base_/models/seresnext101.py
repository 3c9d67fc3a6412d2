# The paper's network: SE-ResNeXt101-32x4d with last stride 1, an embedding 2048 -> 2048 with BN, an
# angular head, here with hard identity labels alone. K identities are the dataset's: `num_classes`.
num_classes = 751

model = dict(
    type="ImageClassifier",
    data_preprocessor=dict(
        type="mmvareid.BatchAugmentPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
    ),
    # The paper starts from ImageNet weights; tools/model_converters makes a file of them, for
    #   --cfg-options model.backbone.init_cfg.type=Pretrained
    #                 model.backbone.init_cfg.checkpoint=FILE
    backbone=dict(
        type="mmpretrain.SEResNeXt", depth=101, groups=32, width_per_group=4, strides=(1, 2, 2, 1)
    ),
    neck=dict(type="mmvareid.EmbeddingNeck", in_channels=2048, out_channels=2048),
    head=dict(
        type="mmvareid.VAHead",
        in_channels=2048,
        num_classes=num_classes,
        scale=10.0,  # s and m are not given in the paper; docs/results.md has our sweep
        margin=0.1,
        loss_id=dict(type="CrossEntropyLoss"),
        loss_view=None,
        loss_center=None,
    ),
)
