"""The program: settings, wiring, the stack and the command line."""

import os

# For each malformed header that a client sends, grpc's C++ core prints a line to stderr, bypassing the loggers. It
# reads this variable when `grpc` is imported, so it is set before any of our modules. An operator's own value is kept.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
