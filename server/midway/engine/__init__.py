"""Turns Tasks into Interactions, and Discord's events into changes of Tasks."""
