"""Do a model's errors come from the viewpoint? What stands before the matches of a query."""

import numpy as np
import torch

from mmvareid.evaluation.ranking.similarity import similarity_blocks
from mmvareid.evaluation.table import Descriptors


@torch.no_grad()
def viewpoint_errors(
    table: Descriptors, metric: str = "cosine", memory_mb: float = 64
) -> dict[str, float]:
    """Return how often a wrong image that stands before a match shares the query's viewpoint.

    An error is a gallery image of another person that is at least as similar to the query as a
    match is; it counts once for each such match. A model that goes by the viewpoint errs mostly by
    look-alikes seen from the query's own side. Of one that does not, the share is that of chance:
    the share of the query's viewpoint among all wrong images of the gallery.

    Images of unknown viewpoint take no part, nor do matches in the query's own camera.

    Args:
        table (Descriptors): The test set.
        metric (str): 'cosine' or 'euclidean'.
        memory_mb (float): What a block of similarities may take, in MiB.

    Returns:
        dict[str, float]: 'errors/same_view' and 'errors/by_chance', in percent, each the mean over
        the queries with an error; empty if there are none.
    """
    known = (table.viewpoints >= 0) & (table.persons != -1)
    asked = np.flatnonzero(table.is_query & known)
    searched = np.flatnonzero(~table.is_query & known)
    if not len(asked) or not len(searched):
        return {}
    query, query_ids, query_cams = table.select(asked)
    gallery, gallery_ids, gallery_cams = table.select(searched)
    query_views, gallery_views = table.viewpoints[asked], table.viewpoints[searched]
    shares = []
    for start, block in similarity_blocks(query, gallery, metric, memory_mb):
        for i, row in enumerate(block.cpu().numpy(), start):
            same_person = gallery_ids == query_ids[i]
            matches = np.sort(row[same_person & (gallery_cams != query_cams[i])])
            # How many matches each wrong image stands before; a tie counts against the query.
            errors = np.searchsorted(matches, row[~same_person], side="right")
            if errors.any():
                own = gallery_views[~same_person] == query_views[i]
                shares.append((errors[own].sum() / errors.sum(), own.mean()))
    if not shares:
        return {}
    same_view, by_chance = 100 * np.mean(shares, axis=0)
    return {"errors/same_view": float(same_view), "errors/by_chance": float(by_chance)}
