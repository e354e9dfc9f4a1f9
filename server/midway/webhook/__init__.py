"""Notices of Task changes, posted to the address that the client named."""
