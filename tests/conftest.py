"""What all tests need, in every environment."""

import signal

# A shell starts what runs in the background deaf to Ctrl-C, and its children with it; tests press it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
