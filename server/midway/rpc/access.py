"""Authorization: the layer that requires an API key before it reads any of a request."""

from midway.rpc.auth import ApiKeys
from midway.rpc.call import Call, Proceed
from midway.rpc.caller import caller_of
from midway.rpc.options import ServerOptions
from midway.rpc.picture_links import PictureLinks

HEALTH = "/grpc.health.v1.Health/"
HEALTH_CHECK = f"{HEALTH}Check"
REFLECTION = "/grpc.reflection."


class KeyCheck:
    """Requires a key, except for methods whose path begins with one of `open_methods` and for signed picture links.

    Without a valid key, nothing of a request is read except the signature of a picture link. A health check needs no
    key, but still counts as unauthenticated: it uses none of the capacity that callers with a key share.
    """

    def __init__(
        self, keys: ApiKeys, open_methods: tuple[str, ...], links: PictureLinks, envoy_secret: str = ""
    ) -> None:
        self._keys = keys
        self._envoy_secret = envoy_secret
        self._open_methods = open_methods
        self._links = links

    async def layer(self, call: Call, proceed: Proceed) -> None:
        """Refuse a call that has no key, or let it pass."""
        call.caller = caller_of(self._keys, call.metadata, call.peer, self._envoy_secret)
        is_open = call.method.startswith(self._open_methods)
        call.is_admitted = not self._keys or call.caller.key != "" or (is_open and call.method != HEALTH_CHECK)
        if not call.is_admitted and call.method in self._links.signed_methods:
            await call.receive()
            call.is_admitted = self._links.opens(call.request)
        if not call.is_admitted and not is_open:
            self._keys.require(call.metadata)
        await proceed(call)


def open_methods(options: ServerOptions) -> tuple[str, ...]:
    """Return the path prefixes of the methods that need no key."""
    guarded = {HEALTH_CHECK: options.health_needs_key, REFLECTION: options.reflection_needs_key}
    return tuple(prefix for prefix, needs_key in guarded.items() if not needs_key)
