"""Turns Tasks into Interactions, and Discord's events into a Task's life."""
