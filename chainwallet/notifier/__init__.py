"""The notifier: tells accounts what happened to their payments and what came in, once each, from the store alone.

``loop`` writes what happened as events of accounts; ``streams`` hands those events to whoever listens.
"""

from chainwallet.notifier.loop import Notifier
from chainwallet.notifier.streams import Stream, Streams

__all__ = ["Notifier", "Stream", "Streams"]
