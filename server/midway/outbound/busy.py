"""Limits on concurrent requests: per host, per domain, and for all hosts together that are not known to answer."""

from collections import Counter, OrderedDict
from collections.abc import Iterable

from midway.outbound.address import Place

MOST_REMEMBERED = 10_000  # hosts; those forgotten beyond it count as unknown until they next answer
_HALF = 2  # a domain may have 1/2 of all places, as its owner can make any number of host names
# Of the places for hosts not known to answer, a host with requests under way may use only the first 1/8, and a domain
# with some the first 1/3. The rest is for new hosts and domains, one place each.
_BUSY_DOMAINS_PART = 3
_BUSY_HOSTS_PART = 8


class Answering:
    """Remembers which hosts answered their last request, with any status; the MOST_REMEMBERED latest ones.

    A time-out, a refused connection and a failed name look-up are not answers.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._domains: OrderedDict[str, str] = OrderedDict()  # host to domain; the latest to answer is last

    def note(self, place: Place, *, answered: bool) -> None:
        """Record whether a request was answered."""
        self._domains.pop(place.host, None)
        if answered:
            self._domains[place.host] = place.domain
        if len(self._domains) > self._most:
            self._domains.popitem(last=False)

    def __contains__(self, host: str) -> bool:
        """Tell whether a host is known to answer."""
        return host in self._domains

    def hosts(self, full: set[str], domains: set[str] | None = None) -> list[str]:
        """List the hosts (only those in `domains`, if given) that are not in `full`, nor their domains."""
        return [
            host
            for host, domain in self._domains.items()
            if (domains is None or domain in domains) and host not in full and domain not in full
        ]


class Busy:
    """Counts the requests under way, and tells to which hosts one more may be sent.

    All hosts that are not known to answer share half of the places, so that the other half stays free for the others,
    however many hosts a client names. A domain, or an IP address with all its ports, has at most half of all places.
    """

    def __init__(self, total: int, per_host: int, answering: Answering, places: Iterable[Place] = ()) -> None:
        self._total = total
        self._per_host = per_host
        self._half = max(1, total // _HALF)
        self._answering = answering
        self._hosts: Counter[str] = Counter()
        self._domains: Counter[str] = Counter()
        self._unknown_domains: Counter[str] = Counter()  # of hosts not known to answer
        self._under_way = self._unknown = 0
        for place in places:
            self.add(place)

    def add(self, place: Place) -> None:
        """Count one more request."""
        self._under_way += 1
        self._hosts[place.host] += 1
        self._domains[place.domain] += 1
        if place.host not in self._answering:
            self._unknown += 1
            self._unknown_domains[place.domain] += 1

    @property
    def is_full(self) -> bool:
        """Whether all places are taken."""
        return self._under_way >= self._total

    def has_place(self, place: Place) -> bool:
        """Tell whether one more request may be sent there."""
        if self.is_full or self._hosts[place.host] >= self._per_host or self._domains[place.domain] >= self._half:
            return False
        return place.host in self._answering or self._has_place_for_unknown(place)

    def _has_place_for_unknown(self, place: Place) -> bool:
        if self._hosts[place.host]:
            return self._leaves_room(_BUSY_HOSTS_PART)
        return self._leaves_room(_BUSY_DOMAINS_PART if self._unknown_domains[place.domain] else 1)

    def _leaves_room(self, part: int) -> bool:
        """Tell whether hosts not known to answer use less than 1/`part` of their places."""
        return self._unknown * part < self._half

    def passed_over(self) -> tuple[set[str] | None, list[str]]:
        """Return the hosts and domains that have no place (None: all), and the hosts that have one nevertheless."""
        full = {host for host, count in self._hosts.items() if count >= self._per_host}
        full |= {domain for domain, count in self._domains.items() if count >= self._half}
        if not self._leaves_room(1):
            return None, self._answering.hosts(full)
        crowded: set[str] = set()
        if not self._leaves_room(_BUSY_HOSTS_PART):
            crowded |= {host for host in self._hosts if host not in self._answering}
        if not self._leaves_room(_BUSY_DOMAINS_PART):
            crowded |= set(self._unknown_domains)
        return full | crowded, self._answering.hosts(full, crowded) if crowded else []
