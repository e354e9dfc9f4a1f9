"""How many files and connections a process may have open at a time."""

import resource

MOST = 1 << 20  # beyond every use; some systems name no hard limit at all


def raise_open_files() -> int:
    """Raise the soft limit to the hard one, for this process and those it starts; return what holds now.

    A watch and each reader of a picture take a descriptor or two. The soft limit of a login shell, 1024, is there for
    programs that use select().
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
