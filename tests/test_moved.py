import importlib
import subprocess
import sys
import warnings

import pytest

from mmvareid.datasets import tolerant_dataset
from mmvareid.fileio import images
from mmvareid.moved import MOVED, RENAMED

# What every old module was read for; the table has to go on having it.
NAMES = {
    "apis.gallery": "Gallery Hit FORMAT",
    "apis.gallery_columns": "COLUMNS as_column as_integers check_features check_paths decode_paths",
    "apis.images": "MAX_PIXELS expand list_images printable read_image",
    "apis.search_filtered": "search_depth search_filtered",
    "apis.search_index": "ENGINES ApproximateIndex choose_engine search_exactly",
    "array_files": "load_arrays save_arrays",
    "checkpoints": "AtomicLocalBackend find_whole_checkpoint use_atomic_files",
    "compat": "check_weights load_checkpoint_safely load_url_safely prepare_cpu_distributed "
    "use_safe_checkpoints",
    "config_checks": "READ check_top_level check_types did_you_mean",
    "datasets.label_noise": "KINDS add_label_noise",
    "datasets.mirror_viewpoint": "MirrorViewpoint",
    "datasets.soft_viewpoints": "load_soft_viewpoints mirror_weights yaw_weights",
    "datasets.synthetic": "contact_sheet make_synthetic",
    "datasets.synthetic.body": "",
    "datasets.synthetic.cameras": "Camera draw_camera",
    "datasets.synthetic.contact_sheet": "contact_sheet",
    "datasets.synthetic.dataset": "make_synthetic",
    "datasets.synthetic.gait": "",
    "datasets.synthetic.garments": "BACK_DESIGNS FRONT_DESIGNS",
    "datasets.synthetic.people": "Person draw_person",
    "datasets.synthetic.photograph": "Model photograph portrait",
    "datasets.synthetic.render": "",
    "datasets.synthetic.shots": "Shot shots_of viewpoint_of",
    "datasets.synthetic.solids": "",
    "datasets.synthetic.textures": "",
    "datasets.uint8_batch": "DecodeImage PackImage collate_images",
    "datasets.viewpoint_dataset": "ViewpointDataset",
    "datasets.viewpoints": "FINE_NAMES MAX_VIEWS find_viewpoint_file load_fine_viewpoints "
    "load_viewpoints",
    "engine.center_angle_hook": "CenterAngleHook center_angles identity_pairs views_with_images",
    "engine.channels_last_hook": "ChannelsLastHook",
    "engine.data_check_hook": "DataCheckHook check_batches check_queries check_range",
    "engine.epoch_seed_hook": "EpochSeedHook",
    "engine.non_finite_hook": "NonFiniteHook",
    "engine.resume_hook": "ValidateResumedHook",
    "engine.retrieval_visualization_hook": "RetrievalVisualizationHook",
    "engine.synced_ema_hook": "SyncedEMAHook",
    "engine.unreadable_images_hook": "UnreadableImagesHook",
    "evaluation.counting": "count_ahead",
    "evaluation.descriptors": "COLUMNS Descriptors rank_between",
    "evaluation.neighbours": "Neighbours find_neighbours",
    "evaluation.protocols": "cross_view single_view view_name view_names view_pairs",
    "evaluation.query_expansion": "expand_queries expansion_options",
    "evaluation.query_pooling": "pool_queries",
    "evaluation.reciprocal_encoding": "encode",
    "evaluation.reid_metric": "ReIDMetric",
    "evaluation.reranking": "rerank rerank_options",
    "evaluation.similarity": "METRICS as_features similarity_blocks squared_norms",
    "evaluation.single_shot": "single_shot_scores",
    "evaluation.tables": "score_tables",
    "evaluation.verification": "verification_rates",
    "evaluation.viewpoint_scores": "viewpoint_matrix viewpoint_scores",
    "memory": "keep_freed_memory",
    "models.losses.label_range": "check_label_range",
    "viewpoint.body_shape": "mirrored normalise shape_features shoulder_width turned",
    "viewpoint.label_files": "describe_views write_rows write_viewpoints",
    "viewpoint.pose_files": "Poses read_poses",
    "viewpoint.shoulder_mixture": "shoulder_posteriors",
    "viewpoint.skeletons": "LAYOUTS as_fourteen",
    "whole_files": "",
}
# Modules that have become packages, and go on under their name.
STAYED = {
    "config": "find_config get_config load_config",
    "evaluation.ranking": "AP_TYPES Ranking rank",
    "evaluation.scores": "Scoring",
}
# Nothing of shared/design's public surface warns.
PUBLIC = {
    "apis": "Gallery Hit ReIDInferencer FeatureSet extract_features inference_dataloader "
    "list_images load_model select_images dataset_infos",
    "datasets": "CUHK03 MSMT17 DukeMTMCreID IdentitySampler Market1501 ReIDDataset "
    "SyntheticPeople ViewpointImages load_viewpoints make_synthetic",
    "evaluation": "Descriptors Ranking ReIDMetric Scoring cross_view expand_queries pool_queries "
    "rank rerank score_tables single_shot_scores single_view stripe_histogram verification_rates "
    "view_name view_names view_pairs viewpoint_matrix viewpoint_scores",
    "models": "ALSRLoss BatchHardTriplet CenterRegularization EmbeddingNeck StripePyramid "
    "VALSRLoss VAHead",
    "viewpoint": "PoseViewpoints Poses from_images from_pose read_poses write_viewpoints",
}


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_module_gives_the_same_objects_and_says_where_they_are(old):
    sys.modules.pop(f"mmvareid.{old}", None)
    with pytest.warns(DeprecationWarning, match=f"mmvareid.{old} has moved to mmvareid") as told:
        module = importlib.import_module(f"mmvareid.{old}")
    places = [importlib.import_module(f"mmvareid.{place}") for place in MOVED[old]]
    assert all(place.__name__ in str(told[-1].message) for place in places)
    for name in NAMES[old].split():
        found, now = getattr(module, name), RENAMED.get(name, name)
        assert any(getattr(place, now, None) is found for place in places), name


def test_every_old_module_is_listed_here():
    assert NAMES.keys() == MOVED.keys()


@pytest.mark.parametrize(("module", "names"), [*STAYED.items(), *PUBLIC.items()])
def test_public_names_come_without_a_warning(module, names):
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        found = importlib.import_module(f"mmvareid.{module}")
        assert all(callable(getattr(found, name)) or name.isupper() for name in names.split())


def test_the_warning_names_the_importing_line_and_leaves_the_function_of_a_package():
    code = (
        "import mmvareid.viewpoint\n"
        "from mmvareid.array_files import load_arrays\n"
        "import mmvareid.datasets.synthetic.people, mmvareid.evaluation.viewpoint_scores\n"
        "assert mmvareid.datasets.synthetic.people.draw_person\n"
        "assert all(map(callable, (mmvareid.viewpoint.from_pose, mmvareid.evaluation.rank)))\n"
        "assert callable(mmvareid.evaluation.viewpoint_scores)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always::DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "<string>:2: DeprecationWarning: mmvareid.array_files has moved" in done.stderr


def test_names_that_have_left_a_module_that_stays():
    for name in ("read_whole", "decodes", "JPEG_END"):
        with pytest.warns(DeprecationWarning, match=f"{name} of .* has moved to mmvareid.fileio"):
            assert getattr(tolerant_dataset, name) is getattr(images, name)
    with pytest.raises(AttributeError, match="'mmvareid.datasets.tolerant_dataset' has no attrib"):
        tolerant_dataset.never  # noqa: B018


def test_a_module_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("mmvareid.never")
