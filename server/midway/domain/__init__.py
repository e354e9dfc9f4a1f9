"""The domain model, without I/O: Tasks, Accounts and Attempts, and how a Task may change."""
