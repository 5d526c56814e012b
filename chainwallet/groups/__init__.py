"""Groups: people who share bills, each with a role, and guests who have no account yet.

``standing`` says who a caller is in a group; every answer about a group asks it first.
"""

from chainwallet.groups.standing import Standing, standing, wallet_of

__all__ = ["Standing", "standing", "wallet_of"]
