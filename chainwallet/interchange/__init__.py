"""Interchange: groups come in from other apps' files and go out as files, without losing a cent.

``importing`` previews, commits and undoes the files of other apps; ``exporting`` writes theirs and our own, which
``checking`` and ``proving`` compute again and ``bringing`` makes a group of.
"""

from chainwallet.interchange.answers import Interchange
from chainwallet.interchange.bringing import Arriving, arriving
from chainwallet.interchange.importing import MAX_FILE_BYTES, Incoming, SeenImport, incoming

__all__ = ["MAX_FILE_BYTES", "Arriving", "Incoming", "Interchange", "SeenImport", "arriving", "incoming"]
