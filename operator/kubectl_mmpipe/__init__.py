"""``kubectl mmpipe``: look at pipelines and steer them, with the user's own kubectl and its rights."""
