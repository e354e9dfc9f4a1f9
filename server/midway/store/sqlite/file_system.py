"""Finds the file system that a path is on, to refuse a network one.

Source: SQLite's "How To Corrupt An SQLite Database File": on network file systems locks may not exclude other
processes, and fsync may return before anything is written.
"""

import os
from pathlib import Path

from midway.store.sqlite.errors import NetworkFileSystem

# As Linux names them in /proc/self/mountinfo.
NETWORK_KINDS = frozenset(
    {
        "9p",  # Windows drives in WSL
        "afs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)
MOUNTS = Path("/proc/self/mountinfo")


def refuse_network(path: Path, mounts: Path = MOUNTS) -> None:
    """Raise NetworkFileSystem when the file's directory is on a network file system.

    Nothing is refused where the system has no mount table (other than Linux) or does not list the device.
    """
    kind = kind_of_device(path.parent.stat().st_dev, _mount_lines(mounts))
    if kind in NETWORK_KINDS:
        raise NetworkFileSystem(path, kind)


def kind_of_device(device: int, mount_lines: list[str]) -> str:
    """Return the kind of the file system with this device number; "" when no mount has it.

    A line reads `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS…] - KIND SOURCE OPTIONS`.
    """
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mount_lines:
        mount, _, described = line.partition(" - ")
        if mount.split()[2:3] == [wanted]:
            return described.split(maxsplit=1)[0]
    return ""


def _mount_lines(mounts: Path) -> list[str]:
    try:
        return mounts.read_text(errors="replace").splitlines()
    except OSError:
        return []
