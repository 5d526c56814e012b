"""Deploys the contracts: the same as ``chainwallet deploy``, for those who look for a script."""

import sys

from chainwallet.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["deploy"]
    main()
