"""The program: settings, wiring, the stack and the command line."""

import os

# grpc's C++ prints a line, past every logger, for each header that a stranger sends wrong. It reads this when `grpc` is
# imported, so it stands before all of our modules; whoever sets the variable keeps it.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
