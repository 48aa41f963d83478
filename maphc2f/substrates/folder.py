"""Good pictures in any folder of the user's: every picture below it is taken."""

from __future__ import annotations

from pathlib import Path

from maphc2f.errors import PictureError
from maphc2f.substrates.base import Opening
from maphc2f.substrates.files import FileSubstrate


def open_folder(opening: Opening) -> FileSubstrate:
    """Open the folder ``source.path``; a relative one starts from the data root if there is one.

    Raises:
        PictureError: No path, or not a folder.
    """
    stated = opening.category.source.path
    path = None if stated is None else (opening.root or Path()) / Path(stated).expanduser()
    if path is None or not path.is_dir():
        raise PictureError(
            "no folder given" if path is None else f"{path} is not a folder",
            where=f"categories.{opening.category.name}.source.path (--images)",
            rule="a folder of good pictures",
            remedy="give an existing folder",
        )
    return FileSubstrate.from_opening(opening, path, "")
