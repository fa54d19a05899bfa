"""How to reach the API: a key that is never shown, and which hosts are this machine."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.marketdata.settings import BASE_URL, Settings, is_loopback


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_the_key_is_in_no_text_of_the_settings(key: str) -> None:
    settings = Settings(key, key_from="MASSIVE_API_KEY", requests_per_minute=5)
    for text in (repr(settings), str(settings), f"{settings}"):
        assert key not in text
        assert BASE_URL in text
        assert "MASSIVE_API_KEY" in text


@given(st.ip_addresses(v=4) | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_an_address_of_the_loopback_network_is_this_machine(address: IPv4Address) -> None:
    assert is_loopback(str(address)) is (address in IPv4Network("127.0.0.0/8"))


@given(st.integers(0, 2**16).map(IPv6Address))
def test_one_address_of_version_6_is_this_machine(address: IPv6Address) -> None:
    assert is_loopback(str(address)) is (address == IPv6Address("::1"))


@pytest.mark.parametrize(
    ("host", "held"),
    [
        ("localhost", True),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("api.massive.com", False),
        ("", False),
    ],
)
def test_a_name_is_this_machine_only_where_it_is_localhost(host: str, held: bool) -> None:  # noqa: FBT001 - a case
    assert is_loopback(host) is held
