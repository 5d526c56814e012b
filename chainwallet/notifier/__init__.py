"""The notifier: tells accounts what happened to their payments and what came in, once each, from the store alone.

``loop`` writes what happened as events of accounts; ``streams`` hands those events to whoever listens; ``reminders``
says what people forget, before it is too late.
"""

from chainwallet.notifier.loop import Notifier
from chainwallet.notifier.reminders import Reminders
from chainwallet.notifier.streams import Stream, Streams

__all__ = ["Notifier", "Reminders", "Stream", "Streams"]
