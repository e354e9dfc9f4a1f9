"""Who is calling: one key at one address."""

import pytest
from midway.rpc.auth import ApiKeys
from midway.rpc.caller import caller_of

KEYS = ApiKeys(["sk-one", "sk-two"])
ENVOY = "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("ipv4:192.0.2.7:50000", None, "192.0.2.7"),
        ("192.0.2.7", None, "192.0.2.7"),
        ("ipv6:%5B::1%5D:50000", "192.0.2.7", "192.0.2.7"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:50000", None, "192.0.2.7"),
        ("ipv4:127.0.0.1:50000", None, "127.0.0.1"),
        (ENVOY, "192.0.2.7", "192.0.2.7"),
        (ENVOY, "198.51.100.1, 192.0.2.7", "192.0.2.7"),
        (ENVOY, "192.0.2.7, nonsense", "?"),
        ("198.51.100.1", "192.0.2.7", "198.51.100.1"),
        ("2001:db8::1", None, "2001:db8::/64"),
        (ENVOY, "2001:db8::2", "2001:db8::/64"),
        ("unix:", "192.0.2.7", "192.0.2.7"),
        ("", None, "?"),
    ],
)
def test_the_address_is_the_peers_and_behind_envoy_the_last_one_that_it_saw(
    peer: str, forwarded: str | None, address: str
) -> None:
    metadata = [("x-forwarded-for", forwarded)] if forwarded is not None else []

    assert caller_of(KEYS, metadata, peer).address == address


def test_the_key_is_a_digest_and_what_stands_beside_it_does_not_count() -> None:
    plain = caller_of(KEYS, [("mj-api-secret", "sk-one")], ENVOY)
    with_another = caller_of(KEYS, [("authorization", "Bearer anything"), ("mj-api-secret", "sk-one")], ENVOY)

    assert plain == with_another
    assert "sk-one" not in str(plain)
    assert plain != caller_of(KEYS, [("mj-api-secret", "sk-two")], ENVOY)


def test_whoever_has_no_right_key_is_a_stranger() -> None:
    assert caller_of(KEYS, [("mj-api-secret", "sk-three")], ENVOY) == caller_of(KEYS, [], ENVOY)


@pytest.mark.parametrize(
    ("shown", "address"),
    [("the-secret", "192.0.2.9"), ("a-guess", "127.0.0.1"), ("", "127.0.0.1"), (b"\xff", "127.0.0.1")],
)
def test_where_envoy_has_a_secret_nobody_else_tells_addresses(shown, address):
    metadata = [("mj-api-secret", "sk-one"), ("x-forwarded-for", "192.0.2.9"), ("x-midway-envoy", shown)]

    assert caller_of(KEYS, metadata, ENVOY, "the-secret").address == address


def test_an_envoy_with_the_secret_may_be_elsewhere():
    metadata = [("x-forwarded-for", "192.0.2.9"), ("x-midway-envoy", "the-secret")]

    assert caller_of(KEYS, metadata, "ipv4:198.51.100.7:5000", "the-secret").address == "192.0.2.9"
