"""``python -m mmpipe``: the command line of this very installation."""

from mmpipe.cli.main import main

main()
