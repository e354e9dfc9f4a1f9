"""Pictures from outside: checked by their file structure, decoded in separate processes."""
