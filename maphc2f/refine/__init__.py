"""npcF and npcF++: batched torch operators that make a coarse defect coherent and its detail believable."""
