"""The generated drawing in ARCHITECTURE.md."""

import pytest

from tools.diagram import BEGIN, END, redrawn


def test_only_the_marked_part_changes():
    """Text before and after the markers stays as a person wrote it."""
    page = redrawn(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    assert page.startswith(f"before\n{BEGIN}\n```mermaid\nstateDiagram-v2\n")
    assert page.endswith(f"```\n{END}\nafter\n")
    assert "old" not in page


def test_drawing_twice_changes_nothing():
    """A page that is up to date comes back as it was."""
    page = redrawn(f"{BEGIN}{END}")

    assert redrawn(page) == page


def test_a_page_without_markers_is_refused():
    """The drawing is never put at a guessed place."""
    with pytest.raises(ValueError, match="needs the lines"):
        redrawn("no markers here")
