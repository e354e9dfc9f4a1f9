"""Notices of Task changes, posted to the URL that the client gave."""
