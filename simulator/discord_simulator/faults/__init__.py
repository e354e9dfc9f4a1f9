"""Faults on demand: each a named dataclass that says which real incident it stands for."""
