"""``python -m chainwallet`` is ``chainwallet``."""

from chainwallet.cli import main

main()
