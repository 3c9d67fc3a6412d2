from mmvareid.config.suggest import closest, did_you_mean

KNOWN = ["metric", "topk", "rerank"]


def test_the_closest_name_is_told_or_nothing():
    assert closest("metrics", KNOWN) == "metric"
    assert closest("viewpoints", KNOWN) is None
    assert did_you_mean("reranks", KNOWN) == "; did you mean 'rerank'?"
    assert did_you_mean("reranks", KNOWN, cutoff=0.95) == ""
