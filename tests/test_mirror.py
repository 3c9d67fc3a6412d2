"""Every module has a test file of its name, or is named here with the one that holds it."""

from pathlib import Path

import pytest

import mmvareid

TESTS = Path(__file__).parent
PACKAGE = Path(mmvareid.__file__).parent
# Test file -> modules, without a file of their own, that it runs through their public door.
HELD_BY = {
    "test_tools/test_export.py": "apis/export",
    "test_apis/test_inferencer.py": "apis/features fileio/image_paths",
    "test_command_line.py": "__main__",
    "test_config/test_load.py": "config/checks",
    "test_datasets/test_cards.py": "datasets/cuhk03 datasets/dukemtmc datasets/market1501 "
    "datasets/msmt17",
    "test_datasets/test_reid_dataset.py": "datasets/joining datasets/seeding "
    "datasets/image_folders datasets/split_report datasets/tolerant_dataset fileio/images",
    "test_engine/test_hooks/test_resume.py": "engine/hooks/epoch_seed_hook "
    "engine/hooks/resume_hook",
    "test_engine/test_hooks/test_compile_blocks_hook.py": "models/compiled_blocks",
    "test_models/test_no_waits.py": "engine/hooks/lazy_runtime_info_hook",
    "test_evaluation/test_ranking/test_padded.py": "evaluation/ranking/equal_rows "
    "evaluation/ranking/precision evaluation/ranking/reciprocal_on_device",
    "test_evaluation/test_ranking/test_ranking.py": "evaluation/ranking/counting "
    "evaluation/ranking/similarity",
    "test_evaluation/test_ranking/test_reranking.py": "evaluation/ranking/neighbours "
    "evaluation/ranking/reciprocal_encoding",
    "test_evaluation/test_metric.py": "evaluation/scores/scoring",
    "test_evaluation/test_scores/test_more_scores.py": "evaluation/ranking/query_expansion "
    "evaluation/scores/query_pooling evaluation/scores/single_shot evaluation/scores/verification",
    "test_evaluation/test_scores/test_pair_similarities.py": "visualization/pair_plot",
    "test_evaluation/test_scores/test_protocols.py": "evaluation/scores/tables "
    "evaluation/scores/viewpoint_scores",
    "test_models/test_batch_transforms.py": "models/batch_preprocessor",
    "test_models/test_cosine.py": "models/losses/log_prob_terms",
    "test_models/test_heads.py": "models/heads/angular_margin models/heads/reid_head "
    "models/heads/va_head",
    "test_models/test_losses.py": "models/losses/batch_hard_triplet "
    "models/losses/center_regularization models/losses/identity_smoothing "
    "models/labels models/losses/batch_loss models/losses/pair_log_probs "
    "models/losses/viewpoint_smoothing",
    "test_models/test_plugin.py": "registry",
    "test_models/test_stripe_pyramid.py": "models/heads/stripe_head models/necks/joint_neck",
    "test_search/test_contract.py": "search/database search/memory "
    "search/milvus_connection search/milvus_rows search/milvus_text search/queries search/storage",
    "test_search/test_gallery.py": "search/columns search/engines search/files search/filtered "
    "search/hits search/pairs search/shared_index",
    "test_engine/test_sharding.py": "engine/flexible_runner",
    "test_synthetic/test_dataset.py": "datasets/synthetic_people evaluation/stripe_histogram "
    "synthetic/body synthetic/cameras synthetic/contact_sheet synthetic/gait synthetic/garments "
    "synthetic/people synthetic/photograph synthetic/render synthetic/shots synthetic/solids "
    "synthetic/textures",
    "test_tools/test_model_converters.py": "models/backbones/mobilenet_v2 "
    "models/backbones/seresnext",
    "test_viewpoint/test_from_pose.py": "viewpoint/pose/body_shape viewpoint/pose/skeletons "
    "viewpoint/pose/shoulder_mixture",
    "test_viewpoint/test_pose/test_files.py": "viewpoint/writing",
    "test_viewpoint/test_soft.py": "datasets/transforms/mirror_viewpoint",
    "test_visualization/test_pictures.py": "visualization/curves visualization/image_grid "
    "visualization/scalars",
    "test_visualization/test_labels.py": "visualization/figure_rgb",
    "test_visualization/test_ranked_list.py": "visualization/query_choice "
    "visualization/ranked_list_picture",
    "test_visualization/test_soft_labels.py": "visualization/soft_label_picture",
    "test_tools/test_report.py": "visualization/compared_models visualization/report "
    "visualization/report_page",
}
MODULES = [
    path.relative_to(PACKAGE).with_suffix("").as_posix()
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.stem != "__init__" and ".mim" not in path.parts
]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_tested_by_a_file_of_its_name_or_one_named_here(module):
    here = [file for file, held in HELD_BY.items() if module in held.split()]
    room = TESTS / f"test_{module.partition('/')[0]}" if "/" in module else TESTS
    own = any(room.rglob(f"test_{module.rpartition('/')[2]}.py"))
    assert own or here, f"{module} needs tests/**/test_{module.rpartition('/')[2]}.py"
    assert not (own and here) and len(here) <= 1, f"{module} has its own file"


def test_what_is_named_here_exists():
    assert all((TESTS / file).is_file() for file in HELD_BY)
    assert {module for held in HELD_BY.values() for module in held.split()} <= {*MODULES}
