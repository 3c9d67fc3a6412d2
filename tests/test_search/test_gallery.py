import tracemalloc
import zipfile
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmvareid.apis import Gallery
from mmvareid.evaluation import rerank
from mmvareid.search import engines

N, D = 60, 8
RNG = np.random.default_rng(0)
TIMES = np.where(np.arange(N) % 7, np.arange(N), np.nan)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


FEATURES, QUERY = unit(RNG.normal(size=(N, D))), unit(RNG.normal(size=(3, D)))


def full_gallery(engine="auto"):
    gallery = Gallery("abc", engine)
    gallery.add(
        FEATURES,
        [f"{i}.jpg" for i in range(N)],
        persons=range(N),
        cameras=np.arange(N) % 4,
        viewpoints=np.arange(N) % 3 - 1,
        times=TIMES,
    )
    return gallery


def expected(query, allowed, k):
    """Ids of the nearest by a plain sort."""
    rows = np.flatnonzero(allowed)
    return rows[np.argsort(-(FEATURES[rows] @ query))][:k].tolist()


FILTERS = [
    ({}, np.ones(N, bool)),
    (dict(cameras=[1, 3]), np.arange(N) % 2 == 1),
    (dict(viewpoints=[-1], cameras=[0]), np.arange(N) % 12 == 0),
    (dict(times=(5, 20)), (TIMES >= 5) & (TIMES <= 20)),
    (dict(cameras=[9]), np.zeros(N, bool)),
]


@pytest.mark.parametrize("with_faiss", [True, False])
@pytest.mark.parametrize(("filters", "allowed"), FILTERS)
def test_search_is_a_sort_of_what_the_filters_leave(filters, allowed, with_faiss):
    if with_faiss:
        pytest.importorskip("faiss")
    with mock.patch.object(engines, "faiss", engines.faiss if with_faiss else None):
        found = full_gallery().search(QUERY, k=20, **filters)
    for hits, query in zip(found, QUERY, strict=True):
        assert [hit.id for hit in hits] == expected(query, allowed, 20)
        for hit in hits:
            assert hit.similarity == pytest.approx(FEATURES[hit.id] @ query, abs=1e-6)
            assert (hit.path, hit.person, hit.camera) == (f"{hit.id}.jpg", hit.id, hit.id % 4)
            assert hit.viewpoint == hit.id % 3 - 1
            assert hit.time == TIMES[hit.id] or np.isnan([hit.time, TIMES[hit.id]]).all()


@pytest.mark.parametrize("engine", ["hnsw", "ivf"])
def test_approximate_indices_grow_forget_and_filter(engine):
    pytest.importorskip("faiss")
    centres = unit(RNG.normal(size=(100, D)))
    rows = unit(np.repeat(centres, 20, axis=0) + 0.02 * RNG.normal(size=(2000, D)))
    gallery = Gallery("abc", engine)
    gallery.add(rows[:1900], ["x"] * 1900, cameras=np.arange(1900) % 2)
    assert {hit.id // 20 for hit in gallery.search(centres[:1], k=20)[0]} == {0}
    gallery.add(rows[1900:], ["x"] * 100, cameras=np.arange(100) % 2)
    assert {hit.id // 20 for hit in gallery.search(centres[-1:], k=20)[0]} == {99}
    gallery.remove(range(0, 10))
    assert {hit.id for hit in gallery.search(centres[:1], k=10)[0]} == {*range(10, 20)}
    (hits,) = gallery.search(centres[:1], k=5, cameras=[1])
    assert {hit.id for hit in hits} == {11, 13, 15, 17, 19}


def recall(found, expected):
    """Share of the expected ids (Q, k) that are found; all k have to come."""
    assert {len(hits) for hits in found} == {expected.shape[1]}
    pairs = zip(found, expected, strict=True)
    return np.mean([np.isin(near, [hit.id for hit in hits]).mean() for hits, near in pairs])


@pytest.mark.parametrize("engine", ["hnsw", "ivf"])
def test_indices_find_what_cameras_that_go_with_appearance_leave(engine):
    pytest.importorskip("faiss")
    rng = np.random.default_rng(3)
    people, tints = rng.normal(size=(150, 32)), 5 * unit(rng.normal(size=(4, 32)))
    persons, cameras = rng.integers(150, size=3030), rng.choice(4, 3030, p=[0.4, 0.3, 0.2, 0.1])
    rows = unit(people[persons] + tints[cameras] + rng.normal(size=(3030, 32)))
    rows, query, cameras = rows[:3000], rows[3000:], cameras[:3000]
    gallery = Gallery("abc", engine)
    gallery.add(rows, ["x"] * 3000, cameras=cameras)

    def nearest(allowed, k):
        left = np.flatnonzero(allowed)
        return left[np.argsort(-query @ rows[left].T, axis=1)][:, :k]

    for k in (10, 30, 100, 1000):
        assert recall(gallery.search(query, k), nearest(cameras >= 0, k)) >= 0.95
    for wanted in ([0], [1], [2], [3], [0, 1], [1, 2, 3], [0, 2, 3]):
        found = gallery.search(query, 10, cameras=wanted)
        assert recall(found, nearest(np.isin(cameras, wanted), 10)) >= 0.95
    alive = np.ones(3000, bool)
    for share in (0.6, 0.2):
        gone = np.flatnonzero(alive & (rng.random(3000) > share))
        gallery.remove(gone)
        alive[gone] = False
        assert recall(gallery.search(query, 10), nearest(alive, 10)) >= 0.95
    gallery.remove(np.flatnonzero(alive))
    assert gallery.search(query[:1]) == [[]]


@pytest.mark.parametrize("engine", ["auto", "flat", "hnsw", "ivf"])
@pytest.mark.parametrize("number", [1, 2, 5, 10, 999])
def test_any_engine_takes_a_small_gallery(engine, number):
    if engine in ("hnsw", "ivf"):
        pytest.importorskip("faiss")
    rows = unit(np.random.default_rng(0).normal(size=(number, D)))
    gallery = Gallery("abc", engine)
    gallery.add(rows, ["x"] * number)
    assert recall(gallery.search(QUERY, 10), np.argsort(-QUERY @ rows.T)[:, :10]) == 1


def test_a_removal_or_a_filter_makes_no_search_copy_the_gallery():
    rows = unit(np.random.default_rng(0).normal(size=(20_000, 32)))
    gallery = Gallery("abc", "flat")
    gallery.add(rows, ["x"] * len(rows), cameras=np.arange(len(rows)) % 10)
    gallery.remove([7])
    tracemalloc.start()
    gallery.search(rows[:1])
    gallery.search(rows[:1], cameras=range(9))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 4


def test_what_is_added_is_the_gallerys_own():
    buffer = FEATURES.copy()
    gallery = Gallery()
    gallery.add(buffer, ["x"] * N)
    before = gallery.search(QUERY)
    buffer[:] = FEATURES[::-1]
    assert repr(gallery.search(QUERY)) == repr(before)


def test_paths_may_be_bytes(tmp_path):
    gallery = Gallery()
    gallery.add(FEATURES[:2], [b"\xff.jpg", tmp_path / "a.jpg"])
    gallery.save(tmp_path / "g.npz")
    paths = {hit.id: hit.path for hit in Gallery.load(tmp_path / "g.npz").search(QUERY[:1])[0]}
    assert paths == {0: "\udcff.jpg", 1: str(tmp_path / "a.jpg")}


def test_ids_are_never_given_again():
    gallery = full_gallery()
    gallery.remove([0, N - 1])
    assert len(gallery) == N - 2
    assert gallery.add(FEATURES[:2], ["a", "b"]).tolist() == [N, N + 1]
    with pytest.raises(KeyError, match="no picture 0"):
        gallery.remove([0, 5])
    assert len(gallery) == N  # 5 is still there


def test_what_one_may_filter_by():
    gallery = full_gallery()
    assert gallery.distinct("viewpoints") == [-1, 0, 1]
    gallery.remove([i for i in range(N) if i % 4 == 2])
    assert gallery.distinct("cameras") == [0, 1, 3]
    assert gallery.search(QUERY[:1], cameras=[]) == gallery.search(QUERY[:1], cameras={2}) == [[]]


def test_several_pictures_of_a_person_are_one_query():
    gallery = full_gallery()
    (together,) = gallery.search(QUERY, k=5, together=True)
    assert together == gallery.search(unit(QUERY.mean(axis=0, keepdims=True)), k=5)[0]


def test_reranking_orders_the_candidates_as_rerank_does():
    order = rerank(QUERY[:1], FEATURES)[0].argsort(kind="stable")
    # Candidates come in the order of their similarity, which must not matter.
    assert {len(full_gallery().search(QUERY[:1], k=N, rerank=True)[0])} == {N}
    hits = full_gallery().search(QUERY[:1], k=10, rerank=True)[0]
    assert [hit.id for hit in hits] == order[:10].tolist()


def test_a_saved_gallery_is_the_same(tmp_path):
    gallery = full_gallery()
    gallery.remove([3, 4])
    gallery.add(FEATURES[:1], ["\udcff.jpg"])  # a name that is no UTF-8
    gallery.save(tmp_path / "g.npz")
    read = Gallery.load(tmp_path / "g.npz", "abc")
    assert repr(read.search(QUERY, k=N)) == repr(gallery.search(QUERY, k=N))  # NaN is not NaN
    assert read.add(FEATURES[:1], ["x"]) == gallery.add(FEATURES[:1], ["x"])


def test_an_empty_gallery_finds_nothing_and_is_saved(tmp_path):
    Gallery("abc").save(tmp_path / "g.npz")
    assert Gallery.load(tmp_path / "g.npz", "abc").search(QUERY) == [[], [], []]


def test_a_gallery_of_another_model_is_refused(tmp_path):
    full_gallery().save(tmp_path / "g.npz")
    with pytest.raises(ValueError, match="of the model 'abc', but the queries are of 'def'"):
        Gallery.load(tmp_path / "g.npz", "def")


def test_a_file_cut_anywhere_is_refused(tmp_path):
    full_gallery().save(tmp_path / "g.npz")
    data = (tmp_path / "g.npz").read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "cut.npz").write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"cut\.npz has to be an \.npz file"):
            Gallery.load(tmp_path / "cut.npz")


def test_saving_leaves_the_old_file_where_the_disk_is_full(tmp_path):
    gallery = full_gallery()
    gallery.save(tmp_path / "g.npz")
    before = (tmp_path / "g.npz").read_bytes()
    with (
        mock.patch("os.fsync", side_effect=OSError("No space left on device")),
        pytest.raises(OSError, match="No space left"),
    ):
        gallery.save(tmp_path / "g.npz")
    assert (tmp_path / "g.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["g.npz"]


def test_a_name_that_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"people has to be an \.npz file"):
        full_gallery().save(tmp_path / "people")
    assert not list(tmp_path.iterdir())


def damaged(tmp_path, **changes):
    """A gallery's file with some arrays exchanged; None leaves one out."""
    full_gallery().save(tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz") as file:
        content = {**file, **changes}
    path = tmp_path / "damaged.npz"
    np.savez(path, **{name: value for name, value in content.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(format=np.array(2)), "its format is 2, and 1 can be read"),
        (dict(format=None), "format"),
        (dict(features=FEATURES[:5]), "paths have to be 5"),
        (dict(features=2 * FEATURES), "of unit length, but row 0 has 2"),
        (dict(features=FEATURES.astype(int)), r"floats of shape \(N, D\)"),
        (dict(cameras=np.zeros(3, int)), "cameras have to be 60 integers"),
        (dict(ids=np.zeros(N, int)), "ids are not unique"),
        (dict(ids=np.arange(N) + 1), "not below next_id"),
        (dict(ids=np.arange(N - 1)), "ids are"),
        (dict(paths=np.frombuffer(b"{}", np.uint8)), "paths are no list of strings"),
        (dict(paths=np.frombuffer(b"[", np.uint8)), "Expecting value"),
        (dict(paths=np.frombuffer(b"[" * 100_000, np.uint8)), "nested too deeply"),
        (dict(next_id=np.array(np.inf)), "cannot convert float infinity"),
        (dict(next_id=np.array(60.5)), "next_id is 60.5 float64"),
        (dict(next_id=np.array(2**63 - 1)), "next_id is 9223372036854775807"),
        (dict(format=np.array(np.inf)), "cannot convert float infinity"),
        (dict(persons=np.full(N, 2**64 - 1, np.uint64)), "persons have to be below"),
    ],
)
def test_damaged_files_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=rf"damaged\.npz has to be a gallery.*{message}"):
        Gallery.load(damaged(tmp_path, **changes))


def test_code_in_a_file_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    with pytest.raises(ValueError, match=r"an \.npz file of plain arrays"):
        Gallery.load(damaged(tmp_path, paths=np.array([Bomb()], object)))
    assert not (tmp_path / "touched").exists()


def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("features.npy", "w", force_zip64=True) as file,
    ):
        for _ in range(1100):
            file.write(bytes(2**20))
    with pytest.raises(ValueError, match=r"bomb\.npz .* would unpack to 1153433600"):
        Gallery.load(tmp_path / "bomb.npz")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g: g.search(QUERY, k=0), ValueError, "k has to be at least 1"),
        (lambda g: g.search(QUERY, k=2.5), ValueError, "k has to be a whole number"),
        (lambda g: g.search(QUERY[:, :4]), ValueError, "gallery's 8 numbers, but got 4"),
        (lambda g: g.search(QUERY[None]), ValueError, r"shape \(N, D\), but got \(1, 3, 8\)"),
        (lambda g: g.search(QUERY * np.nan), ValueError, "leave out rows of NaN"),
        (lambda g: g.add(FEATURES, ["a"]), ValueError, "paths have to be 60"),
        (lambda g: g.add(FEATURES, ["a"] * N, persons=[1]), ValueError, "persons have to be 60"),
        (lambda g: g.add(FEATURES, ["a"] * N, cameras=["c"] * N), ValueError, "60 integers"),
        (lambda g: Gallery(engine="x"), ValueError, "engine has to be one of auto, flat"),
        (lambda g: g.add(FEATURES[:2], ["a", None]), ValueError, "list of str or PathLike, but"),
        (lambda g: g.add(FEATURES[:3], "abc"), ValueError, "list, one a descriptor, but got 'abc'"),
        (lambda g: g.add(FEATURES[:1], ["a"], [2**64 - 1]), ValueError, r"below 2\*\*63, but got"),
        (lambda g: g.remove(np.ones(N, bool)), ValueError, r"ids have to be .* \(60,\) bool"),
        (lambda g: g.remove("12"), ValueError, "ids have to be a list of integers, but got '12'"),
        (lambda g: g.remove([1.9]), ValueError, "ids have to be .* float64"),
        (lambda g: g.remove(3), ValueError, "ids have to be a list of integers, but got 3"),
        (lambda g: g.search(QUERY, cameras="1"), ValueError, "cameras have to be .* got '1'"),
        (lambda g: g.search(QUERY, cameras=["1"]), ValueError, "cameras have to be .* <U1"),
        (lambda g: g.search(QUERY, cameras=np.array(1)), ValueError, "cameras have to be .* int64"),
        (lambda g: g.search(QUERY, cameras=1), ValueError, "cameras have to be a list of .* got 1"),
        (
            lambda g: g.search(QUERY, viewpoints=[2**64 - 1]),
            ValueError,
            "viewpoints have to be bel",
        ),
        (lambda g: g.search(QUERY, times=(None, 5)), ValueError, r"times .* got \(None, 5\)"),
        (lambda g: g.search(QUERY, times=(1, np.nan)), ValueError, "times have to be two numbers"),
        (lambda g: g.search(QUERY, times=5), ValueError, "times have to be two numbers"),
        (
            lambda g: g.search(np.concatenate([QUERY, -QUERY]), together=True),
            ValueError,
            "have to have a mean direction",
        ),
    ],
)
def test_bad_input(call, error, message):
    gallery = full_gallery()
    before = repr(gallery.search(QUERY, k=N))
    with pytest.raises(error, match=message):
        call(gallery)
    assert len(gallery) == N
    assert repr(gallery.search(QUERY, k=N)) == before  # nothing was half added or removed
    assert gallery.add(FEATURES[:1], ["x"]) == [N]


def test_engines_that_need_faiss_say_so():
    with (
        mock.patch.object(engines, "faiss", None),
        pytest.raises(ImportError, match="pip install faiss-cpu"),
    ):
        Gallery(engine="ivf")


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(["add", "remove", "save"]), max_size=8),
    arrays(np.int64, 200, elements=st.integers(0, 10**6)),
)
def test_any_life_of_a_gallery_keeps_what_is_in_it(tmp_path_factory, steps, draws):
    path = tmp_path_factory.mktemp("life") / "g.npz"
    gallery, kept, draws = Gallery(), {}, iter(draws.tolist())
    for step in steps:
        if step == "add":
            rows = [next(draws) % N for _ in range(next(draws) % 5 + 1)]
            ids = gallery.add(FEATURES[rows], [str(row) for row in rows], persons=rows)
            assert not kept.keys() & set(ids.tolist())
            kept |= dict(zip(ids.tolist(), rows, strict=True))
        elif step == "remove" and kept:
            gone = [*kept][next(draws) % len(kept)]
            gallery.remove([gone])
            del kept[gone]
        elif step == "save":
            gallery.save(path)
            gallery = Gallery.load(path)
    (hits,) = gallery.search(QUERY[:1], k=100)
    assert {hit.id: hit.person for hit in hits} == kept
    assert all(hit.path == str(hit.person) for hit in hits)


def test_below_the_threshold_there_is_nobody():
    gallery = full_gallery()
    for rerank_them in (False, True):
        every = gallery.search(QUERY, N, rerank=rerank_them)
        least = float(np.median([hit.similarity for hit in every[0]]))
        found = gallery.search(QUERY, N, threshold=least, rerank=rerank_them)
        wanted = [[hit for hit in hits if hit.similarity > least] for hits in every]
        assert [[hit.id for hit in hits] for hits in found] == [
            [hit.id for hit in hits] for hits in wanted
        ]
        assert gallery.search(QUERY, 2, threshold=1.0) == [[], [], []]
    assert len(gallery.search(QUERY, 2, threshold=-1)[0]) == 2
    with pytest.raises(ValueError, match="threshold has to be a cosine from -1 to 1, but got 2"):
        gallery.search(QUERY, threshold=2)


@pytest.mark.parametrize("with_faiss", [True, False])
def test_the_own_camera_is_left_out(with_faiss):
    if with_faiss:
        pytest.importorskip("faiss")
    with mock.patch.object(engines, "faiss", engines.faiss if with_faiss else None):
        gallery, cameras = full_gallery(), [3, 0, 3]
        found = gallery.search(QUERY, 7, query_cameras=cameras, other_cameras_only=True)
        for query, camera, hits in zip(QUERY, cameras, found, strict=True):
            assert [hit.id for hit in hits] == expected(query, np.arange(N) % 4 != camera, 7)
        (hits,) = gallery.search(
            QUERY, N, query_cameras=cameras, other_cameras_only=True, together=True
        )
        assert {hit.camera for hit in hits} == {1, 2} and len(hits) == N // 2
        # Where a picture's camera is not known, it may be another.
        gallery.add(FEATURES[:1], ["unknown.jpg"])
        (hits,) = gallery.search(FEATURES[0], 1, query_cameras=[0], other_cameras_only=True)
        assert hits[0].path == "unknown.jpg"
    for wrong, message in (
        (None, "has to know query_cameras"),
        ([1], "have to be 3 numbers from 0 on"),
        ([1, 2, -1], "have to be 3 numbers from 0 on"),
    ):
        with pytest.raises(ValueError, match=message):
            gallery.search(QUERY, query_cameras=wrong, other_cameras_only=True)


def test_one_query_may_be_of_one_dimension():
    gallery = full_gallery()
    ((one,), (two,)) = gallery.search(QUERY[0]), gallery.search(QUERY[:1])
    assert [hit.id for hit in one] == [hit.id for hit in two] and len(one) == 10


def test_a_folder_that_is_not_there_is_said_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none/g\.npz has to be in a folder that exists"):
        full_gallery().save(tmp_path / "none" / "g.npz")


def test_its_own_people_tell_what_a_similarity_means():
    rng = np.random.default_rng(1)
    persons = np.append(np.arange(60) % 15, [-1, 3])
    cameras = np.append(np.arange(60) // 15, [0, -1])
    rows = unit(rng.normal(size=(16, 8))[persons] + 0.5 * rng.normal(size=(62, 8)))
    gallery = Gallery("abc")
    gallery.add(rows, [str(i) for i in range(62)], persons=persons, cameras=cameras)
    gallery.remove([0])
    found = gallery.pair_similarities()
    rows, persons, cameras = rows[1:60], persons[1:60], cameras[1:60]
    same = persons[:, None] == persons
    negatives = (rows @ rows.T)[~same]
    assert found.negatives.sum() == len(negatives) and found.fingerprint == "abc"
    assert found.positives.sum() == (same & (cameras[:, None] != cameras)).sum()
    assert found.impostors_above(0.5) == pytest.approx((negatives > 0.5).mean(), abs=0.01)
    with pytest.raises(ValueError, match="person and camera are known, but has none"):
        Gallery().pair_similarities()
