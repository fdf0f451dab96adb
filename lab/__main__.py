"""`python -m lab`."""

import signal
import sys

# Until its commands can say so, an interrupt ends it without a word, not with a traceback.
handler = signal.getsignal(signal.SIGINT)
if handler is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from lab.cli import main  # noqa: E402

signal.signal(signal.SIGINT, handler)
sys.exit(main())
