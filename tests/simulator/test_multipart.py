"""Forms as clients write them, well-formed and not."""

import pytest
from discord_simulator.rest.multipart import Part, read_parts
from hypothesis import given
from hypothesis import strategies as st

TYPE = "multipart/form-data; boundary=b"
NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\n', exclude_categories=["Cc", "Zl", "Zp"]))
CONTENTS = st.binary().filter(lambda content: b"--b" not in content)


def written(parts: list[tuple[str, str | None, bytes]], end: bytes) -> bytes:
    """Write a form with one line end throughout."""
    body = b""
    for name, filename, content in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        body += b"--b" + end + f'Content-Disposition: form-data; name="{name}"{file}'.encode() + end + end
        body += content + end
    return body + b"--b--" + end


@given(
    st.lists(st.tuples(NAMES, st.none() | NAMES, CONTENTS), unique_by=lambda part: part[0]),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_what_was_written_is_read_whichever_way_lines_end(parts: list[tuple[str, str | None, bytes]], end: bytes):
    assert read_parts(TYPE, written(parts, end)) == {name: Part(file, content) for name, file, content in parts}


@given(st.text(), st.binary())
def test_nothing_breaks_it(content_type: str, body: bytes):
    for read in (
        read_parts("multipart/form-data" + content_type, body),
        read_parts(TYPE, b"--b\n" + body + b"\n--b--"),
    ):
        assert all(isinstance(part, Part) for part in read.values())


@pytest.mark.parametrize(
    ("disposition", "part"),
    [
        ('form-data; name="x"; filename="a \\"b\\".png"', Part('a "b".png', b"1")),
        ("form-data; name=x; filename=a.png", Part("a.png", b"1")),
        ("form-data; filename*=UTF-8''%C3%A4.png; name=x; filename=a.png", Part("ä.png", b"1")),
        ('FORM-DATA; Name="x"', Part(None, b"1")),
    ],
)
def test_names_are_read_in_every_form_that_clients_use(disposition: str, part: Part):
    body = f"--b\r\ncontent-type: x/y\r\ncontent-disposition: {disposition}\r\n\r\n1\r\n--b--".encode()

    assert read_parts(TYPE, body) == {"x": part}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--'),
        ('multipart/form-data; boundary=""', b'--\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n----'),
        (TYPE, b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1'),
        (TYPE, b'--b\r\nContent-Disposition: form-data; name="x"\r\n--b--'),
        (TYPE, b"--b\r\n\r\n1\r\n--b--"),
    ],
)
def test_what_has_no_boundary_no_end_or_no_name_is_passed_over(content_type: str, body: bytes):
    assert read_parts(content_type, body) == {}


def test_of_two_with_one_name_the_first_counts():
    assert read_parts(TYPE, written([("x", None, b"1"), ("x", None, b"2")], b"\r\n")) == {"x": Part(None, b"1")}
