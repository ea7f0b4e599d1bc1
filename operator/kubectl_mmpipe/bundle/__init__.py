"""What a support bundle holds: asked of kubectl, starred, bounded, and listed in a manifest with what failed.

::

    collection   pure: which questions are asked, and in which file the answer goes
    redaction    pure: what is starred out of objects and texts
    archive      the file: bounded, with the manifest as its last entry
    gathering    asks, stars and files; the only one here that has something done

Values of Secrets are never read: kubectl is asked for the names of their keys alone.
"""
