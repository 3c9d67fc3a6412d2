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
    rows = []
    for feature in query:
        if metric == "cosine":
            norms = np.linalg.norm(feature) * np.linalg.norm(gallery, axis=1)
            rows.append(1 - gallery @ feature / norms)
        else:
            rows.append(np.sqrt(((gallery - feature) ** 2).sum(axis=1)))
    return rank_by_distances(rows, query_ids, gallery_ids, query_cams, gallery_cams, ap)


def rank_by_distances(rows, query_ids, gallery_ids, query_cams, gallery_cams, ap="rectangular"):
    """As ``rank_one_by_one``, from the distances (Q, G)."""
    aps, inps, first_hits = [], [], []
    for distances, person, camera in zip(rows, query_ids, query_cams, strict=True):
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


def rerank_densely(query, gallery, k1=20, k2=6, lambda_value=0.3):
    """k-reciprocal encoding of Zhong et al. 2017 with all-pairs matrices and sets, in float64."""
    features = np.concatenate([query, gallery]).astype(np.float64)
    total = len(features)
    distance = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    distance = distance / distance.max(axis=1, keepdims=True)
    ranks = np.argsort(distance, axis=1, kind="stable")

    def reciprocal(i, k):
        return {j for j in ranks[i, : k + 1] if i in ranks[j, : k + 1]}

    encoding = np.zeros((total, total))
    for i in range(total):
        own = reciprocal(i, k1)
        expanded = set(own)
        for j in own:
            other = reciprocal(j, int(np.around(k1 / 2)))
            if len(other & own) > 2 / 3 * len(other):
                expanded |= other
        members = sorted(expanded)
        weights = np.exp(-distance[i, members])
        encoding[i, members] = weights / weights.sum()
    if k2 != 1:  # as the authors write it: then an image's own, not that of its double
        encoding = np.stack([encoding[ranks[i, :k2]].mean(axis=0) for i in range(total)])
    shared = np.minimum(encoding[:, None], encoding[None]).sum(axis=2)
    jaccard = 1 - shared / (2 - shared)
    final = (1 - lambda_value) * jaccard + lambda_value * distance
    return final[: len(query), len(query) :]
