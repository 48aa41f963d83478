"""Finding the folders of the benchmark sets below a data root.

* :func:`find_category_root` gives the folder of one category, or None.
* :func:`require_category_root` gives it or says what to do.
"""

from __future__ import annotations

from pathlib import Path

from maphc2f.errors import PictureError
from maphc2f.spec import CategorySpec

_FOLDERS = {
    "mvtec_ad": ("mvtecad", "mvtec", "mvtecanomalydetection"),
    "visa": ("visa", "visapytorch"),
    "btad": ("btad", "btech", "btechdatasettransformed"),
}
_GOOD = {"mvtec_ad": ("train/good",), "visa": ("train/good", "Data/Images/Normal"), "btad": ("train/ok", "train/good")}


def find_category_root(data_root: Path, category: CategorySpec) -> Path | None:
    """Return the folder that holds the pictures of ``category``, or None if the set is not there.

    The sets may lie at ``data_root`` itself, or below it under a usual name (``mvtec_ad``, ``MVTec``, ``VisA``,
    ``visa_pytorch``, ``BTech_Dataset_transformed``, ...), one inside the other included. A VisA folder in its original
    layout counts only with its ``split_csv/1cls.csv``, without which train and test cannot be told apart.
    """
    kind = category.source.kind
    if kind not in _GOOD or not data_root.is_dir():
        return None
    name = category.source.path or category.name
    for base in _set_roots(data_root, kind):
        folder = base / name
        good = next((g for g in _GOOD[kind] if (folder / g).is_dir()), None)
        if good is None or not folder.resolve().is_relative_to(base.resolve()):
            continue
        if good.startswith("Data") and not (base / "split_csv" / "1cls.csv").is_file():
            continue
        return folder
    return None


def require_category_root(data_root: Path | None, category: CategorySpec) -> Path:
    """Return :func:`find_category_root`.

    Raises:
        PictureError: No data root, or the category is not below it.
    """
    found = None if data_root is None else find_category_root(data_root, category)
    if found is None:
        place = "no data root given" if data_root is None else f"not found below {data_root}"
        raise PictureError(
            f"{category.source.kind} category '{category.source.path or category.name}': {place}",
            where="--data-root",
            rule="the set must be unpacked there in its published layout",
            remedy="give the folder that holds it, or use --missing procedural or --missing skip",
        )
    return found


def _set_roots(data_root: Path, kind: str) -> list[Path]:
    named = [data_root]
    for level in (data_root, *_children(data_root, kind)):
        named += [child for child in _children(level, kind) if child not in named]
    return named


def _children(folder: Path, kind: str) -> list[Path]:
    return sorted(
        child
        for child in folder.iterdir()
        if "".join(c for c in child.name.lower() if c.isalnum()) in _FOLDERS[kind] and child.is_dir()
    )
