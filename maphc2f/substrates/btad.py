"""BTAD (beanTech): ``01``, ``02``, ``03``, each with ``train/ok`` (``train/good`` in converted copies).

Layout: Mishra et al. 2021, doi 10.1109/ISIE45552.2021.9576231.
"""

from __future__ import annotations

from maphc2f.substrates.base import Opening
from maphc2f.substrates.files import FileSubstrate
from maphc2f.substrates.locate import require_category_root


def open_btad(opening: Opening) -> FileSubstrate:
    """Open the good training pictures of one product; masks as for MVTec AD.

    Raises:
        PictureError: The product is not below the data root.
    """
    root = require_category_root(opening.root, opening.category)
    under = "train/ok" if (root / "train" / "ok").is_dir() else "train/good"
    masks = root.parent / "fg_mask" / root.name
    return FileSubstrate.from_opening(opening, root, under, masks=masks if masks.is_dir() else None)
