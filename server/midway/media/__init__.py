"""Keeps finished pictures as files, because Discord's links to them expire."""
