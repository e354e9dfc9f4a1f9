"""The limit on a process's open files and connections."""

import resource

MOST = 1 << 20  # more than is ever used; on some systems the hard limit is infinite


def raise_open_files() -> int:
    """Raise the soft limit to the hard one, for this process and its children; return the limit in effect.

    Each watch and each reader of a picture needs one or two descriptors. A login shell's soft limit of 1024 exists for
    programs that use select().
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
