"""Multi-query search: several images of a person from one camera are one query."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from mmvareid.evaluation.table import Descriptors


def pool_queries(table: Descriptors, metric: str = "cosine") -> Descriptors:
    """Average the features of queries of one person and camera, as Zheng et al. 2015 do.

    Args:
        table (Descriptors): Of N images; on Market-1501 the queries are those of ``gt_bbox``, see
            ``multi_query`` of :class:`mmvareid.datasets.ReIDDataset`.
        metric (str): With 'cosine' features are made of unit length before; with 'euclidean' they
            are averaged as they are.

    Returns:
        Descriptors: A query for each person and camera, then the gallery as it was. A query's
        viewpoint is that of its images, -1 if they differ.
    """
    query = np.flatnonzero(table.is_query)
    gallery = np.flatnonzero(~table.is_query)
    pairs = np.stack([table.persons[query], table.cameras[query]], axis=1)
    groups, group = np.unique(pairs, axis=0, return_inverse=True)
    dtype = torch.promote_types(table.features.dtype, torch.float32)
    group = group.ravel()
    rows = table.features[query[np.argsort(group, kind="stable")]].to(dtype)
    if metric == "cosine":
        rows = F.normalize(rows, dim=1)
    lengths = torch.as_tensor(np.bincount(group), device=rows.device)
    means = torch.segment_reduce(rows, "mean", lengths=lengths)  # always in the same order

    views = np.full(len(groups), -1)
    lowest, highest = np.full(len(groups), np.iinfo(np.int64).max), np.full(len(groups), -1)
    np.minimum.at(lowest, group, table.viewpoints[query])
    np.maximum.at(highest, group, table.viewpoints[query])
    views[lowest == highest] = lowest[lowest == highest]
    return replace(
        table,
        features=torch.cat([means, table.features[gallery].to(dtype)]),
        persons=np.concatenate([groups[:, 0], table.persons[gallery]]),
        cameras=np.concatenate([groups[:, 1], table.cameras[gallery]]),
        viewpoints=np.concatenate([views, table.viewpoints[gallery]]),
        is_query=np.arange(len(groups) + len(gallery)) < len(groups),
    )
