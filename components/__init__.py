"""The stages. Each is a package, and `python -m components.<stage>` imports this module before the stage's own."""

import sys

if sys.argv[0] == "-m":  # Python is looking for the module to run: this process becomes a stage
    from components.shared import ending

    ending.prepare()
