"""What is logged, at which level, and that no secret is in it."""

import base64
import logging
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockticker_async.connector.log import MASK, LinesHandler, Mask, to_lines

KEY = "aB3/dE+f=gH_iJ-kL.mN0pQr5tUvWx7z"


@pytest.fixture
def lines() -> Iterator[list[bytes]]:
    """What the handler hands on; logging is as it was afterwards."""
    root, own = logging.getLogger(), logging.getLogger("stockticker_async")
    before = root.handlers[:], root.level, own.level
    taken: list[bytes] = []
    mask = Mask()
    mask.add(KEY)
    to_lines(LinesHandler(taken.append, mask), debug=False)
    yield taken
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])


def told(lines: list[bytes]) -> list[tuple[str, str]]:
    messages = [oracle.decoded(line)["log"] for line in lines]
    return [(message["level"], message["message"]) for message in messages]


# Lines


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (logging.CRITICAL, "FATAL"),
        (logging.CRITICAL + 10, "FATAL"),
        (logging.ERROR, "ERROR"),
        (logging.ERROR + 5, "ERROR"),
        (logging.WARNING, "WARN"),
        (logging.INFO, "INFO"),
        (logging.INFO + 5, "INFO"),
    ],
)
def test_a_level_is_the_protocols(lines: list[bytes], number: int, level: str) -> None:
    logging.getLogger("stockticker_async.x").log(number, "to %s", "whom")
    assert told(lines) == [(level, "to whom")]


def test_debug_lines_are_told_only_when_asked_for(lines: list[bytes]) -> None:
    log = logging.getLogger("stockticker_async.x")
    log.debug("hidden")
    to_lines(LinesHandler(lines.append, Mask()), debug=True)
    log.debug("shown")
    log.log(5, "finer still")
    log.setLevel(1)
    log.log(5, "the finest")
    log.setLevel(logging.NOTSET)
    assert told(lines) == [("DEBUG", "shown"), ("TRACE", "the finest")]


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("name", ["aiohttp.client", "asyncio", "yarl", "some.other"])
def test_foreign_loggers_speak_from_warning_on(lines: list[bytes], name: str, debug: bool) -> None:  # noqa: FBT001 - a case
    to_lines(LinesHandler(lines.append, Mask()), debug=debug)
    log = logging.getLogger(name)
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert told(lines) == [("WARN", "c"), ("ERROR", "d")]


def test_no_other_handler_is_left_to_write_elsewhere(
    lines: list[bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger().addHandler(logging.StreamHandler())
    to_lines(LinesHandler(lines.append, Mask()), debug=False)
    logging.getLogger("stockticker_async.x").warning("once")
    assert told(lines) == [("WARN", "once")]
    assert capfd.readouterr() == ("", "")


def test_an_exception_is_told_in_one_line_and_masked(lines: list[bytes]) -> None:
    log = logging.getLogger("stockticker_async.x")
    try:
        raise ValueError(f"bad header\nBearer {KEY}")  # noqa: TRY301 - it is what is logged
    except ValueError:
        log.exception("it failed")
    log.error("no exception", exc_info=(None, None, None))
    assert told(lines) == [
        ("ERROR", f"it failed: ValueError('bad header\\nBearer {MASK}')"),
        ("ERROR", "no exception: None"),
    ]


def test_arguments_are_masked_too(lines: list[bytes]) -> None:
    logging.getLogger("stockticker_async.x").info("%s and %r", KEY, {"key": KEY})
    assert told(lines) == [("INFO", f"{MASK} and {{'key': '{MASK}'}}")]


class Unspeakable:
    def __repr__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        ("%d bars", ("many",), "%d bars (TypeError in a log line)"),
        ("%s and %s", ("one",), "%s and %s (TypeError in a log line)"),
        ("%(name)s", ({"x": 1}, 2), "%(name)s (TypeError in a log line)"),
        ("%y", ("one",), "%y (ValueError in a log line)"),
        ("%s", (Unspeakable(),), "%s (ZeroDivisionError in a log line)"),
        (Unspeakable(), (), "ZeroDivisionError in a log line"),
        (f"%d {KEY}", ("many",), f"%d {MASK} (TypeError in a log line)"),
    ],
)
@pytest.mark.fault("unformattable log line")
def test_a_line_that_cannot_be_made_is_told_and_ends_nothing(
    message: object, arguments: tuple[object, ...], shown: str
) -> None:
    assert handled(logging.LogRecord("x", logging.WARNING, "", 1, message, arguments, None)) == [
        ("WARN", shown)
    ]


def handled(record: logging.LogRecord) -> list[tuple[str, str]]:
    """Past pytest's own handlers, which raise such errors."""
    lines: list[bytes] = []
    mask = Mask()
    mask.add(KEY)
    LinesHandler(lines.append, mask).handle(record)
    return told(lines)


def test_an_exception_that_cannot_be_shown_is_told_and_ends_nothing() -> None:
    class Silent(Exception):  # noqa: N818 - a name
        __repr__ = Unspeakable.__repr__

    record = logging.LogRecord("x", logging.ERROR, "", 1, "it failed", (), (Silent, Silent(), None))
    assert handled(record) == [("ERROR", "it failed (ZeroDivisionError in a log line)")]


# The mask


def masked(text: str, *secrets: str) -> str:
    mask = Mask()
    for secret in secrets or (KEY,):
        mask.add(secret)
    return mask(text)


def test_a_text_without_secrets_stays_as_it_is() -> None:
    assert masked("AAPL: 5 bars") == "AAPL: 5 bars"
    assert Mask()(KEY) == KEY


@pytest.mark.parametrize(
    "form",
    [
        KEY,
        quote(KEY, safe=""),
        quote(KEY),
        quote_plus(KEY),
        base64.b64encode(KEY.encode()).decode().rstrip("="),
        base64.b64encode(quote(KEY, safe="").encode()).decode().rstrip("="),
    ],
)
def test_every_form_of_a_secret_is_masked_whole(form: str) -> None:
    assert masked(f"https://x.example/?apiKey={form}&a=b") == f"https://x.example/?apiKey={MASK}&a=b"


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "Bearer ", "user:", "apiKey="])
@pytest.mark.parametrize("after", ["", "!", "!!", "!!!", ":password"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_any_base64_is_masked(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    shown = masked(encode(f"{before}{KEY}{after}".encode()).decode())
    assert MASK in shown
    # what is left around the mask tells no more than the ends of the first and the last character
    left, right = shown.split(MASK)
    assert len(left) <= -(-len(before) * 8 // 6)
    assert len(right) <= 4 * -(-len(after) // 3) + 3


def test_a_secret_that_python_quotes_is_masked() -> None:
    secret = "back\\slash'and\"quote"
    assert masked(repr([secret]), secret) in (f"['{MASK}']", f'["{MASK}"]')


def test_a_secret_that_is_no_unicode_is_masked() -> None:
    secret = b"key-\xff-bytes".decode("utf-8", "surrogateescape")
    assert masked(f"<{secret}>", secret) == f"<{MASK}>"


def test_a_longer_secret_is_masked_before_one_that_is_a_part_of_it() -> None:
    short, long = "abcd1234", "abcd1234efgh"
    assert masked(f"{short} {long}", short, long) == f"{MASK} {MASK}"
    assert masked(f"{short} {long}", long, short) == f"{MASK} {MASK}"


@pytest.mark.parametrize("word", ["wrong", "know", "key1", "MASSIVE", "Account", "stocksplits"])
def test_a_plain_word_is_masked_as_a_value_and_not_in_our_sentences(word: str) -> None:
    ours = f"The key is {word}: the API does not {word} it. {word}"
    assert masked(ours, word) == ours
    values = "\"{0}\" '{0}' ?apiKey={0}&a=b /{0}/x Authorization: Bearer {0}"
    assert masked(values.format(word), word) == values.format(MASK)
    assert masked(f"is_{word} and {word}s stay", word) == f"is_{word} and {word}s stay"


@pytest.mark.parametrize("secret", ["abcd1234", "aaaabbbbccccdddd", "mixedCase"])
def test_what_may_be_a_key_is_masked_everywhere(secret: str) -> None:
    assert masked(f"it is {secret}.", secret) == f"it is {MASK}."


@pytest.mark.parametrize("secret", ["", "a", "abc"])
def test_what_is_too_short_to_be_a_key_blots_nothing_out(secret: str) -> None:
    assert masked("a b abc", secret) == "a b abc"


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40).filter(
    lambda text: not text.isalpha()
)


@given(printable, st.binary(max_size=9), st.binary(max_size=9))
def test_no_base64_of_a_text_with_the_secret_can_be_decoded_to_it(
    secret: str, before: bytes, after: bytes
) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    shown = masked(f"{encoded} {secret} {quote(secret, safe='')}", secret)
    assert encoded not in shown
    if secret not in MASK * 3:
        assert secret not in shown
