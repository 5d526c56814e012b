"""Requests: somebody asks one person or many for money, and each part is paid by an ordinary payment, exactly once.

``asking`` makes a request and its parts; ``showing`` tells each who may see it what is theirs to see; ``paying`` pays a
part through the teller; ``ending`` takes a request back and declines a part; ``qr`` draws its link; ``desk`` is all of
that for somebody who is signed in.
"""

from chainwallet.requests.asking import MOST_PARTS, Each, Equally, Made, Wanted, Wish
from chainwallet.requests.desk import Requests
from chainwallet.requests.qr import Format
from chainwallet.requests.showing import ShownPart, ShownPayment, ShownRequest

__all__ = [
    "MOST_PARTS",
    "Each",
    "Equally",
    "Format",
    "Made",
    "Requests",
    "ShownPart",
    "ShownPayment",
    "ShownRequest",
    "Wanted",
    "Wish",
]
