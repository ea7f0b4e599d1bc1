"""The vector store beyond its contract: limits of a row, laziness, one process at a time, a server that is away."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmpipe.adapters.errors import StoreBusy, StoreUnreachable
from mmpipe.adapters.vectors import Collection, Place, VectorRow, Vectors, unfit_row, unfit_sample
from mmpipe.adapters.vectors.rows import calls
from mmpipe.testing import DIMENSION, MODEL, vector_of

ROW = VectorRow("id", "s", "image", vector_of("a"), None, "file:///a", MODEL, 1.0)


def test_a_row_within_the_limits_fits() -> None:
    assert unfit_row(ROW) is None
    assert unfit_sample("s", {"year": 2020}) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_does_not_fit(bad: float) -> None:
    vector = vector_of("a")
    vector[3] = bad
    assert unfit_row(replace(ROW, vector=vector)) == "the vector holds NaN or infinity"


def test_sizes_count_in_bytes_of_utf8_and_are_said() -> None:
    assert unfit_sample("x" * 1_024, {}) is None
    assert unfit_sample("ä" * 513, {}) == "the sample's id takes 1026 bytes, more than 1024"
    assert unfit_sample("s", {"a": "x" * 65_536}) == "the attributes as JSON takes 65545 bytes, more than 65536"
    assert unfit_row(replace(ROW, uri="u" * 8_193)) == "the URI takes 8193 bytes, more than 8192"
    assert unfit_row(replace(ROW, model="m" * 513)) == "the model's name takes 513 bytes, more than 512"


def test_rows_of_wide_vectors_go_in_calls_that_fit_one_message() -> None:
    wide = [replace(ROW, id=str(number), vector=np.zeros(8_192, np.float32)) for number in range(1_000)]
    assert [len(call) for call in calls(wide)] == [512, 488]


@pytest.mark.parametrize(("pipeline", "name"), [("media-2", "mmpipe_media_2_g1"), ("7", "mmpipe__7_g1")])
def test_a_collection_is_named_by_pipeline_and_generation(pipeline: str, name: str) -> None:
    assert Collection(pipeline, DIMENSION).name == name


def test_an_embedded_store_imports_pymilvus_only_when_it_is_asked(tmp_path: Path) -> None:
    code = (
        "import sys; from mmpipe.adapters.vectors import *;"
        "store = Vectors(Place(sys.argv[1]), Collection('p', 8));"
        "assert 'pymilvus' not in sys.modules; store.close(); assert 'pymilvus' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "vectors"], check=True)  # ours


def test_an_embedded_store_is_for_one_at_a_time(tmp_path: Path) -> None:
    place, collection = Place(str(tmp_path / "vectors")), Collection("p", DIMENSION)
    with Vectors(place, collection), pytest.raises(StoreBusy, match="vectors: found it in use by process"):
        Vectors(place, collection)
    Vectors(place, collection).close()


def test_a_folder_that_a_stranger_holds_is_busy_too(tmp_path: Path) -> None:
    from milvus_lite.db import MilvusLite  # noqa: PLC0415  # as another program would

    stranger = MilvusLite(str(tmp_path / "vectors"))
    with Vectors(Place(str(tmp_path / "vectors")), Collection("p", DIMENSION)) as vectors:
        with pytest.raises(StoreBusy, match="a program that is not mmpipe"):
            vectors.count()
        stranger.close()
        assert vectors.count() == 0


def test_a_collection_that_a_crash_left_unfinished_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "vectors" / "collections" / "mmpipe_p_g1").mkdir(parents=True)
    with Vectors(Place(str(tmp_path / "vectors")), Collection("p", DIMENSION)) as vectors:
        assert vectors.count() == 0


def test_the_embedded_server_listens_where_no_other_user_gets_in(tmp_path: Path) -> None:
    with Vectors(Place(str(tmp_path / "vectors")), Collection("p", DIMENSION)) as vectors:
        vectors.open()
        assert vectors._lite is not None  # noqa: SLF001
        door = Path(vectors._lite.uri.removeprefix("unix:")).parent  # noqa: SLF001
        assert door.stat().st_mode & 0o777 == 0o700
    assert not door.exists()


def test_a_server_that_is_away_is_unreachable_and_no_token_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmpipe.adapters.patience.ATTEMPTS", 1)
    monkeypatch.setattr("mmpipe.adapters.vectors.store._CONNECT_TIMEOUT_S", 0.2)
    with pytest.raises(StoreUnreachable, match=r"http://127\.0\.0\.1:9: .*see that Milvus runs") as fault:
        Vectors(Place("http://127.0.0.1:9", token="hidden"), Collection("p", DIMENSION))  # noqa: S106  # a test's
    assert "hidden" not in str(fault.value)


def test_a_place_does_not_show_its_token() -> None:
    assert "hidden" not in repr(Place("http://host", token="hidden"))  # noqa: S106  # a test's
