"""Interchange: groups come in from other apps' files and go out as files, without losing a cent.

``importing`` previews, commits and undoes; ``exporting`` writes.
"""

from chainwallet.interchange.answers import Interchange
from chainwallet.interchange.importing import MAX_FILE_BYTES, Incoming, SeenImport, incoming

__all__ = ["MAX_FILE_BYTES", "Incoming", "Interchange", "SeenImport", "incoming"]
