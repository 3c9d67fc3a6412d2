"""Slow, obvious versions of what the package does fast."""

import numpy as np


def rank_one_by_one(
    query,
    gallery,
    query_ids,
    gallery_ids,
    query_cams,
    gallery_cams,
    metric="cosine",
    ap="rectangular",
):
    """Sort the whole gallery for each query, walk down the list. Returns lists ap, inp, first_hit.

    Works in float64. A tie counts against the query.
    """
    query, gallery = np.asarray(query, np.float64), np.asarray(gallery, np.float64)
    aps, inps, first_hits = [], [], []
    for feature, person, camera in zip(query, query_ids, query_cams, strict=True):
        if metric == "cosine":
            norms = np.linalg.norm(feature) * np.linalg.norm(gallery, axis=1)
            distances = 1 - gallery @ feature / norms
        else:
            distances = np.sqrt(((gallery - feature) ** 2).sum(axis=1))
        kept = [
            (distance, bool(other == person))  # False sorts before True: a non-match is first
            for distance, other, view in zip(distances, gallery_ids, gallery_cams, strict=True)
            if other != -1 and not (other == person and view == camera)
        ]
        ranked = [match for _, match in sorted(kept)]
        total = sum(ranked)
        if total == 0:
            aps.append(np.nan)
            inps.append(np.nan)
            first_hits.append(-1)
            continue
        area, found, previous = 0.0, 0, 1.0
        for position, match in enumerate(ranked, start=1):
            found += match
            precision = found / position
            if match:
                height = (previous + precision) / 2 if ap == "trapezoid" else precision
                area += height / total
                last = position
            previous = precision
        aps.append(area)
        inps.append(total / last)
        first_hits.append(ranked.index(True))
    return aps, inps, first_hits
