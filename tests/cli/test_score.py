"""``score`` and ``sqe train``: what they write and say, and one line for wrong inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from maphc2f.quality.model import DEFAULT, from_bytes, load_model, read_model
from maphc2f.shards.scores import read_scores
from tests.conftest import Made
from tests.e2e.support import Result, call, tree, write_pictures


def refused(result: Result, *words: str) -> None:
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    for word in words:
        assert word in result.err


def test_score_writes_one_file_and_says_what(copied: Made) -> None:
    before = tree(copied.root)
    result = call("score", copied.root, "--workers", 1)
    assert result.code == 0, result.err
    digest = load_model(DEFAULT).digest
    path = copied.root / "scores" / f"{digest}.parquet"
    assert "18 samples scored" in result.out
    assert str(path) in result.out
    assert len(read_scores(path).values) == 18
    after = tree(copied.root)
    assert set(after) - set(before) <= {f"scores/{digest}.parquet", "scores"}
    assert all(after[name] == content for name, content in before.items()), "shards stay as they are"
    assert call("verify", copied.root).code == 0


def test_a_model_given_as_a_file_is_the_same(copied: Made, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    own.write_bytes(read_model(DEFAULT))
    assert call("score", copied.root, "--model", own, "--workers", 1).code == 0
    assert (copied.root / "scores" / f"{load_model(DEFAULT).digest}.parquet").is_file()


def test_score_of_what_is_no_dataset(tmp_path: Path) -> None:
    refused(call("score", tmp_path / "none"), "none")
    refused(call("score", tmp_path), str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no model", None], ids=["empty", "text", "missing"])
def test_score_with_what_is_no_model(copied: Made, tmp_path: Path, content: bytes | None) -> None:
    model = tmp_path / "model.safetensors"
    if content is not None:
        model.write_bytes(content)
    refused(call("score", copied.root, "--model", model), "--model", "model.safetensors", "sqe train")
    assert not (copied.root / "scores").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "m.bin"), ("--out", ".safetensors")),
        (("--out", "m.safetensors", "--samples", 1), ("--samples",)),
        (("--out", "m.safetensors", "--categories", "botle"), ("botle", "bottle")),
        (("--out", "m.safetensors", "--images", "nowhere"), ("--material",)),
        (("--out", "m.safetensors", "--material", "steel"), ("--material", "--images")),
        ((), ("--out",)),
    ],
    ids=["ending", "too few", "category", "incomplete", "without pictures", "no file"],
)
def test_wrong_trainings(
    arguments: tuple[object, ...], words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(call("sqe", "train", *arguments), *words)
    assert list(tmp_path.iterdir()) == []


def test_training_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    files = [tmp_path / "one.safetensors", tmp_path / "two.safetensors"]
    for file in files:
        result = call("sqe", "train", "--categories", "grid", "--samples", 4, "--out", file)
        assert result.code == 0, result.err
    assert files[0].read_bytes() == files[1].read_bytes()
    model = from_bytes(files[0].read_bytes())
    assert model.digest in result.out
    assert "too few samples to count" in result.out
    assert model.card["training"]["categories"] == ["grid"]
    assert model.card["training"]["licences"] == ["CC0-1.0"]


@pytest.mark.slow
def test_training_on_pictures_of_ones_own(tmp_path: Path) -> None:
    write_pictures(tmp_path / "good", 6, side=96)
    out = tmp_path / "own.safetensors"
    flags = ("--material", "steel", "--defects", "corrosion.pit=1", "--pixel-size", "100um", "--licence", "CC-BY-4.0")
    result = call("sqe", "train", "--images", tmp_path / "good", *flags, "--samples", 8, "--out", out)
    assert result.code == 0, result.err
    training = from_bytes(out.read_bytes()).card["training"]
    assert training["licences"] == ["CC-BY-4.0"]
    assert training["sources"] == ["folder"]
