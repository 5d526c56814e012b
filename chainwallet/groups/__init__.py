"""Groups: people who share bills, each with a role, and guests who have no account yet.

``standing`` says who a caller is in a group; every answer about a group asks it first. ``membership`` answers about
groups and their members, ``invitations`` about how people come in, ``friends`` about groups of two; ``leaving`` says
what keeps a member. ``seen`` is what people are shown, and ``tools`` what all of them work with.
"""

from chainwallet.groups.friends import Friend, Friends
from chainwallet.groups.invitations import Invitations, MadeInvitation
from chainwallet.groups.membership import Groups
from chainwallet.groups.seen import SeenEvent, SeenGroup, SeenInvitation, SeenMember, see_members
from chainwallet.groups.standing import Standing, standing, wallet_of
from chainwallet.groups.tools import MOST_MEMBERS, MOST_NAME_CHARS

__all__ = [
    "MOST_MEMBERS",
    "MOST_NAME_CHARS",
    "Friend",
    "Friends",
    "Groups",
    "Invitations",
    "MadeInvitation",
    "SeenEvent",
    "SeenGroup",
    "SeenInvitation",
    "SeenMember",
    "Standing",
    "see_members",
    "standing",
    "wallet_of",
]
