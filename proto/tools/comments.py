"""Finds the comment above each element of a proto file."""

from google.protobuf.descriptor_pb2 import FileDescriptorProto

# Field numbers in FileDescriptorProto and below it, as source locations count them.
MESSAGE, ENUM, SERVICE = 4, 5, 6
FIELD, NESTED_MESSAGE, NESTED_ENUM = 2, 3, 4
ENUM_VALUE = 2
METHOD = 2

Path = tuple[int, ...]


class Comments:
    """The leading comments of one file, by source location path."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._texts = {tuple(at.path): clean(at.leading_comments) for at in file.source_code_info.location}

    def at(self, path: Path) -> str:
        """The comment at a path, without comment signs; empty when there is none."""
        return self._texts.get(path, "")


def clean(comment: str) -> str:
    """Take off each line's first blank, and leave out orders to the linter."""
    lines = [line.removeprefix(" ").rstrip() for line in comment.splitlines()]
    return "\n".join(line for line in lines if not line.startswith("buf:lint:ignore")).strip()


def first_sentence(text: str) -> str:
    """The first sentence of the first paragraph, on one line."""
    paragraph, _, _ = text.partition("\n\n")
    sentence, _, _ = paragraph.replace("\n", " ").partition(". ")
    return sentence.rstrip(".")
