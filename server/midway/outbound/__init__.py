"""Outgoing HTTP: how names become addresses, which of them may be connected to, and how many at a time."""
