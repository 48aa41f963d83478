"""From physical fields and a good picture to the coarse appearance of a defect."""
