"""The lock files: everything that is installed is pinned by its hash, pip itself first."""

from tools.locked import DEVELOPMENT, FOLDER, RUNTIME, pins


def test_every_pin_of_every_lock_file_has_a_hash():
    files = tuple(file.stem for file in FOLDER.glob("*.txt"))

    assert set(RUNTIME + DEVELOPMENT) < set(files)
    assert [pin.name for pin in pins(files) if not pin.hashes] == []


def test_pip_is_pinned_by_its_hash():
    (pip,) = (pin for pin in pins(("build",)) if pin.name == "pip")

    assert pip.hashes
