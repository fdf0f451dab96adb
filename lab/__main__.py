"""`python -m lab`."""

import signal
import sys

# Ctrl-C during the imports ends the program silently, not with a traceback; main() reports later ones.
handler = signal.getsignal(signal.SIGINT)
if handler is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from lab.cli import main  # noqa: E402

signal.signal(signal.SIGINT, handler)
sys.exit(main())
