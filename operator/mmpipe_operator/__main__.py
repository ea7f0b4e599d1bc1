"""``python -m mmpipe_operator``."""

from mmpipe_operator.main import main

main()
