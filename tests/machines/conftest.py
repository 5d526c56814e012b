"""The machines run on the ledgers that the tests of the chain have."""

from tests.chain.conftest import bench, deployed

__all__ = ["bench", "deployed"]
