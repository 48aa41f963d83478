"""MVTec AD and sets in its layout: ``<category>/train/good``, with optional ``fg_mask/<category>`` beside.

Layout: Bergmann et al. 2019, doi 10.1109/CVPR.2019.00982.
"""

from __future__ import annotations

from maphc2f.substrates.base import Opening
from maphc2f.substrates.files import FileSubstrate
from maphc2f.substrates.locate import require_category_root


def open_mvtec_ad(opening: Opening) -> FileSubstrate:
    """Open the good training pictures of one category.

    Foreground masks in ``<set>/fg_mask/<category>/<name>.png`` are used where they exist, unless the category asks
    for ``foreground = 'full'``; the inventory notes which.

    Raises:
        PictureError: The category is not below the data root.
    """
    root = require_category_root(opening.root, opening.category)
    masks = root.parent / "fg_mask" / root.name
    return FileSubstrate.from_opening(opening, root, "train/good", masks=masks if masks.is_dir() else None)
