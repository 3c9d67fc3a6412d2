"""What a gallery promises, wherever it keeps its pictures: in memory, or in a database file."""

import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mmvareid.evaluation import rerank
from mmvareid.search import Gallery, engines
from mmvareid.search.shared_index import SharedIndex

N, D = 60, 8
RNG = np.random.default_rng(0)
TIMES = np.where(np.arange(N) % 7, np.arange(N), np.nan)
IDS = np.arange(N) * 3 + 5


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


FEATURES, QUERY = unit(RNG.normal(size=(N, D))), unit(RNG.normal(size=(3, D)))


@pytest.fixture(params=["memory", "database"])
def empty(request, tmp_path):
    """An empty gallery of the model 'abc'."""
    if request.param == "memory":
        yield Gallery("abc", "flat")
        return
    pytest.importorskip("milvus_lite")
    with Gallery.open(tmp_path / "people.db", "abc", engine="flat") as gallery:
        yield gallery


@pytest.fixture
def gallery(empty):
    empty.add(
        FEATURES,
        [f"{i}.jpg" for i in range(N)],
        persons=np.arange(N) // 3,
        cameras=np.arange(N) % 4,
        viewpoints=np.arange(N) % 3 - 1,
        times=TIMES,
        ids=IDS,
    )
    return empty


def test_an_empty_gallery_finds_nothing(empty):
    assert len(empty) == 0
    assert empty.search(QUERY) == empty.search(QUERY, rerank=True) == [[], [], []]
    assert empty.distinct("cameras") == []
    with pytest.raises(KeyError, match="no picture 3"):
        empty.remove([3])


@pytest.mark.parametrize(
    ("filters", "allowed"),
    [
        ({}, np.ones(N, bool)),
        (dict(cameras=[1, 3]), np.arange(N) % 2 == 1),
        (dict(viewpoints=[-1], cameras=[0]), np.arange(N) % 12 == 0),
        (dict(times=(5, 20)), (TIMES >= 5) & (TIMES <= 20)),
        (dict(times=(-np.inf, 20)), TIMES <= 20),
        (dict(times=(5, np.inf)), TIMES >= 5),
        (dict(times=(-np.inf, np.inf)), ~np.isnan(TIMES)),
        (dict(times=(np.inf, np.inf)), np.zeros(N, bool)),
        (dict(times=(9, 3)), np.zeros(N, bool)),
        (dict(cameras=[]), np.zeros(N, bool)),
        (dict(cameras=[9]), np.zeros(N, bool)),
    ],
)
def test_search_is_a_sort_of_what_the_filters_leave(gallery, filters, allowed):
    for hits, query in zip(gallery.search(QUERY, k=20, **filters), QUERY, strict=True):
        rows = np.flatnonzero(allowed)
        rows = rows[np.argsort(-(FEATURES[rows] @ query))][:20]
        assert [hit.id for hit in hits] == IDS[rows].tolist()
        for hit, row in zip(hits, rows.tolist(), strict=True):
            assert hit.similarity == pytest.approx(FEATURES[row] @ query, abs=1e-6)
            assert (hit.path, hit.person, hit.camera) == (f"{row}.jpg", row // 3, row % 4)
            assert hit.viewpoint == row % 3 - 1
            assert hit.time == TIMES[row] or np.isnan([hit.time, TIMES[row]]).all()


def test_adding_again_replaces(gallery):
    gallery.add(FEATURES[:2], ["new.jpg", "other.jpg"], cameras=[7, 7], ids=IDS[[4, 9]])
    assert len(gallery) == N
    (hits,) = gallery.search(QUERY[:1], cameras=[7])
    assert {hit.id: hit.path for hit in hits} == {IDS[4]: "new.jpg", IDS[9]: "other.jpg"}
    assert gallery.distinct("cameras") == [0, 1, 2, 3, 7]


def test_what_is_removed_is_gone(gallery):
    with pytest.raises(KeyError, match="no picture 6"):
        gallery.remove([IDS[0], 6])
    assert len(gallery) == N
    gallery.remove(IDS[:50])
    assert len(gallery) == N - 50
    assert {hit.id for hit in gallery.search(QUERY[:1], k=N)[0]} == {*IDS[50:].tolist()}


def test_given_ids_are_new(gallery):
    ids = gallery.add(FEATURES[:2], ["a", "b"])
    assert len({*ids.tolist(), *IDS.tolist()}) == N + 2
    assert min(ids) >= 0


def test_any_name_of_a_file_comes_back(empty, tmp_path):
    names = ["a b.jpg", "\udcff.jpg", "C:\\x\\udcff.jpg", 'é"\n人.jpg', "\\", str(tmp_path / "x")]
    empty.add(FEATURES[: len(names)], names)
    assert {hit.path for hit in empty.search(QUERY[:1])[0]} == {*names}


def test_the_best_of_each_person(gallery):
    gallery.add(QUERY[:1], ["unknown.jpg"], ids=[1])
    gallery.add(unit(QUERY[:1] + 0.01), ["unknown too.jpg"], ids=[2])
    (everybody,) = gallery.search(QUERY[:1], k=N + 2)
    (best,) = gallery.search(QUERY[:1], k=12, group_by="person")
    assert [hit.person for hit in best][:2] == [-1, -1]
    assert len({hit.person for hit in best[2:]}) == len(best) - 2 == 10
    assert [hit.id for hit in best] == [
        hit.id
        for i, hit in enumerate(everybody)
        if hit.person < 0 or hit.person not in [other.person for other in everybody[:i]]
    ][:12]
    assert len(gallery.search(QUERY[:1], k=100, group_by="person")[0]) == N // 3 + 2


def test_several_pictures_of_a_person_are_one_query(gallery):
    (together,) = gallery.search(QUERY, k=5, together=True)
    (mean,) = gallery.search(unit(QUERY.mean(axis=0, keepdims=True)), k=5)
    assert [hit.id for hit in together] == [hit.id for hit in mean]


def test_reranking_orders_the_candidates_as_rerank_does(gallery):
    order = rerank(QUERY[:1], FEATURES)[0].argsort(kind="stable")
    (hits,) = gallery.search(QUERY[:1], k=10, rerank=True)
    assert [hit.id for hit in hits] == IDS[order[:10]].tolist()


def test_a_gallery_goes_through_a_file(gallery, tmp_path):
    gallery.save(tmp_path / "g.npz")
    read = Gallery.load(tmp_path / "g.npz", "abc", "flat")
    for one, other in zip(read.search(QUERY, N), gallery.search(QUERY, N), strict=True):
        for hit, same in zip(one, other, strict=True):
            assert hit.similarity == pytest.approx(same.similarity, abs=1e-6)
            assert repr({**vars(hit), "similarity": 0}) == repr({**vars(same), "similarity": 0})
    assert read.add(FEATURES[:1], ["x"])[0] > IDS.max()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.add(FEATURES[:2], ["a", "b"], ids=[1]), "ids have to be 2, one a descr"),
        (lambda g: g.add(FEATURES[:2], ["a", "b"], ids=[1, 1]), "ids have to be unique"),
        (lambda g: g.add(FEATURES[:1], ["a"], ids=[-1]), "ids have to be at least 0, but got -1"),
        (lambda g: g.add(FEATURES[:1], ["a"], ids=[2**62 - 1]), "ids have to be below"),
        (lambda g: g.add(FEATURES[:1], ["a"], times=[np.inf]), "times have to be finite, or NaN"),
        (lambda g: g.add(FEATURES[:1, :4], ["a"]), "gallery's 8 numbers, but got 4"),
        (lambda g: g.add(2 * FEATURES[:1], ["a"]), "of unit length"),
        (lambda g: g.search(QUERY, group_by="camera"), "group_by has to be None or 'person'"),
        (lambda g: g.search(QUERY, k=0), "k has to be at least 1"),
        (lambda g: g.search(QUERY, times=(1, np.nan)), "times have to be two numbers"),
    ],
)
def test_bad_input_changes_nothing(gallery, call, message):
    with pytest.raises(ValueError, match=message):
        call(gallery)
    assert len(gallery) == N


@pytest.fixture(params=["memory", "index", "database"])
def shared(request, tmp_path, monkeypatch):
    """An empty gallery for several threads; one of 100 pictures has an index."""
    if request.param == "database":
        pytest.importorskip("milvus_lite")
        with Gallery.open(tmp_path / "people.db", "abc", engine="flat") as gallery:
            yield gallery
        return
    if request.param == "index":
        pytest.importorskip("faiss")
        monkeypatch.setattr(engines, "INDEX_FROM", 100)
    yield Gallery("abc", "hnsw" if request.param == "index" else "flat")


def test_each_hit_is_the_picture_that_it_names(shared):
    """Six threads add, remove and search: a path says which descriptor belongs to it."""
    rows = unit(np.random.default_rng(1).normal(size=(4_000, D)))
    failures, kept, lock = [], {}, threading.Lock()

    def work(worker):
        rng = np.random.default_rng(worker)
        for step in range(120):
            chosen = rng.choice(len(rows), rng.integers(1, 6), replace=False)
            if step % 3 == 0:
                ids = shared.add(rows[chosen], [str(row) for row in chosen], cameras=chosen % 5)
                with lock:
                    kept.update(zip(ids.tolist(), chosen.tolist(), strict=True))
            elif step % 10 == 1:
                with lock:
                    gone = [kept.popitem()[0] for _ in range(min(2, len(kept)))]
                if gone:
                    shared.remove(gone)
            else:
                for query, hits in zip(rows[chosen], shared.search(rows[chosen]), strict=True):
                    failures.extend(
                        hit
                        for hit in hits
                        if abs(rows[int(hit.path)] @ query - hit.similarity) > 1e-5
                        or hit.camera != int(hit.path) % 5
                    )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))  # raises what a thread raised
    assert not failures
    assert len(shared) == len(kept)
    for one, row in [*kept.items()][::20]:
        assert (one, str(row)) in {(hit.id, hit.path) for hit in shared.search(rows[[row]])[0]}


def test_a_search_among_fewer_rows_than_are_indexed_finds_none_of_the_others():
    pytest.importorskip("faiss")
    index = SharedIndex()
    assert index.search("hnsw", FEATURES, FEATURES[50:51], 3, False)[1][0, 0] == 50
    _, rows = index.search("hnsw", FEATURES[:40], FEATURES[50:51], 10, False)
    assert rows.max() < 40 and -1 in rows


def test_an_index_that_has_grown_is_measured_again(monkeypatch):
    """Black pictures that come later, among which HNSW loses its way."""
    pytest.importorskip("faiss")
    monkeypatch.setattr(engines, "HNSW_FROM", 1_000)
    rows = unit(RNG.normal(size=(8_000, D)))
    rows[2_000:5_000] = rows[2_000]
    gallery = Gallery()
    gallery.add(rows[:2_000], ["x"] * 2_000)
    gallery.search(rows[:1])
    gallery.add(rows[2_000:], ["x"] * 6_000)
    for query, hits in zip(rows[::80], gallery.search(rows[::80], 10), strict=True):
        assert min(hit.similarity for hit in hits) >= np.sort(rows @ query)[-10] - 1e-6


def test_a_job_that_is_repeated_keeps_nothing_twice(empty):
    for _ in range(10):
        empty.add(FEATURES, ["x"] * N, ids=IDS)
    assert len(empty) == N
    kept = getattr(empty._storage, "_number", N)
    assert kept <= 2 * N


def test_few_persons_are_found_though_their_pictures_are_many(empty, monkeypatch):
    empty.add(FEATURES, ["x"] * N, persons=np.arange(N) % 2)
    monkeypatch.setattr(empty._storage, "most", 32)
    (hits,) = empty.search(QUERY[:1], k=5, group_by="person")
    assert {hit.person for hit in hits} == {0, 1}


def test_no_number_that_a_server_refuses_is_written(tmp_path, monkeypatch):
    pytest.importorskip("milvus_lite")
    with Gallery.open(tmp_path / "people.db") as gallery:
        gallery.add(FEATURES, ["x"] * N)
        written = []
        monkeypatch.setattr(gallery._storage, "_upsert", written.extend)
        gallery.add(FEATURES, ["x"] * N, times=TIMES)
    assert len(written) == N
    assert {row["time"] is None for row in written} == {True, False}
    assert all(row["time"] is None or np.isfinite(row["time"]) for row in written)


def test_closing_twice_is_closing_once(tmp_path):
    pytest.importorskip("milvus_lite")
    with Gallery.open(tmp_path / "people.db") as other, Gallery.open(tmp_path / "people.db") as one:
        other.add(FEATURES, ["x"] * N)
        one.close()
        one.close()
        assert len(other) == N


def run(code, *args):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_was_added_survives_a_kill(tmp_path):
    pytest.importorskip("milvus_lite")
    code = """
        import sys, numpy as np
        from mmvareid.search import Gallery
        rows = np.eye(8, dtype=np.float32)
        gallery = Gallery.open(sys.argv[1], "abc")
        for i in range(10_000):
            gallery.add(rows, [str(i)] * 8, ids=range(8 * i, 8 * i + 8))
            print(i, flush=True)
    """
    said = 0
    writer = run(code, tmp_path / "people.db")
    for line in writer.stdout:
        said = int(line)
        if said == 20:
            writer.send_signal(signal.SIGKILL)
    writer.wait()
    with Gallery.open(tmp_path / "people.db", "abc") as gallery:
        number = len(gallery)
        assert 8 * (said + 1) <= number <= 8 * (said + 2)
        assert len({hit.id for hit in gallery.search(FEATURES[:1], 1_000)[0]}) == number


def test_a_file_is_for_one_process(tmp_path):
    pytest.importorskip("milvus_lite")
    with Gallery.open(tmp_path / "people.db") as gallery:
        gallery.add(FEATURES, ["x"] * N)
        other = run(
            """
            import sys
            from mmvareid.search import Gallery
            try:
                Gallery.open(sys.argv[1])
            except OSError as error:
                print(error)
            """,
            tmp_path / "people.db",
        )
        assert "has another process opened it?" in other.communicate()[0]
    with Gallery.open(tmp_path / "people.db") as gallery, Gallery.open(tmp_path / "people.db"):
        assert len(gallery) == N
    closed = run(
        """
        import sys
        from mmvareid.search import Gallery
        print(len(Gallery.open(sys.argv[1])))
        """,
        tmp_path / "people.db",
    )
    assert closed.communicate()[0].strip() == str(N)


def test_a_database_keeps_its_model(tmp_path):
    pytest.importorskip("milvus_lite")
    path = tmp_path / "people.db"
    with Gallery.open(path, "abc") as gallery:
        gallery.add(FEATURES, ["x"] * N)
    with pytest.raises(ValueError, match="of the model 'abc', but got the model 'def'"):
        Gallery.open(path, "def")
    with Gallery.open(path, "def", collection="others") as gallery:
        gallery.add(np.eye(4, dtype=np.float32)[:2], ["a", "b"])
    with Gallery.open(path) as gallery:
        assert gallery.fingerprint == "abc"
        with pytest.raises(ValueError, match="gallery's 8 numbers"):
            gallery.search(np.eye(4, dtype=np.float32))


def test_a_database_of_others_is_refused(tmp_path):
    milvus = pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    path = str(tmp_path / "people.db")
    client = milvus.MilvusClient(path)
    client.create_collection("people", dimension=8)
    client.close()
    with pytest.raises(ValueError, match="people .* has to be a gallery of mmvareid, but is not"):
        Gallery.open(path)
    with Gallery.open(path, collection="later") as gallery:
        gallery.add(FEATURES, ["x"] * N)
    client = milvus.MilvusClient(path)
    client.alter_collection_properties("later", {"mmvareid.format": "2"})
    client.close()
    with pytest.raises(ValueError, match="later .* is of format 2, and 1 can be read"):
        Gallery.open(path, collection="later")


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("people", ValueError, "a file that ends in .db or an address such as"),
        ("nowhere/people.db", FileNotFoundError, "folder of .* does not exist; make it first"),
        ("garbage.db", OSError, "garbage.db cannot be opened"),
        ("http://localhost:9", OSError, "localhost:9 cannot be opened .* is the server running"),
    ],
)
def test_addresses_that_lead_nowhere(tmp_path, monkeypatch, address, error, message):
    pytest.importorskip("milvus_lite")
    monkeypatch.setattr("mmvareid.search.milvus_connection._SECONDS", 1.0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garbage.db").write_text("no database")
    with pytest.raises(error, match=message):
        Gallery.open(address)
    assert (tmp_path / "garbage.db").read_text() == "no database"


def test_a_gallery_that_has_to_be_there_is_not_begun(tmp_path):
    pytest.importorskip("milvus_lite")
    with pytest.raises(FileNotFoundError, match="people.db does not exist"):
        Gallery.open(tmp_path / "people.db", create=False)
    assert not (tmp_path / "people.db").exists()
    with Gallery.open(tmp_path / "people.db") as gallery:
        gallery.add(FEATURES, ["x"] * N)
    with pytest.raises(FileNotFoundError, match="has no collection cars, but people"):
        Gallery.open(tmp_path / "people.db", collection="cars", create=False)
    with pytest.raises(ValueError, match="engine has to be one of auto, flat"):
        Gallery.open(tmp_path / "people.db", engine="x")


def test_a_database_that_fails_says_how_much_was_written(tmp_path, monkeypatch):
    milvus = pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    monkeypatch.setattr("mmvareid.search.database._WRITTEN", 10)
    monkeypatch.setattr("mmvareid.search.database._WAITS", (0.01, 0.01))
    with Gallery.open(tmp_path / "people.db", engine="flat") as gallery:
        gallery.add(FEATURES[:20], ["x"] * 20, ids=range(20))
        client, calls = gallery._storage._client, iter(range(99))
        whole = client.upsert

        def failing(**arguments):
            if next(calls) in (0, 3, 4, 5):  # the first is written when it is tried again
                raise milvus.MilvusException(message="no space left")
            return whole(**arguments)

        monkeypatch.setattr(client, "upsert", failing)
        with pytest.raises(OSError, match="20 of 60 pictures were written, then .*no space left"):
            gallery.add(FEATURES, ["x"] * N, ids=range(N))
        gallery.add(FEATURES, ["x"] * N, ids=range(N))
        assert len(gallery) == N
