"""Writes stdlib `logging` records as LOG lines to the output, with secrets masked."""

import base64
import logging
import re
from collections.abc import Callable, Iterator

import orjson

from stockticker_async.connector import protocol

_LEVELS: tuple[tuple[int, protocol.Level], ...] = (
    (logging.CRITICAL, "FATAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARN"),
    (logging.INFO, "INFO"),
    (logging.DEBUG, "DEBUG"),
    (0, "TRACE"),
)
MASK = "****"


class Mask:
    """Replaces each secret and its encoded forms in a text.

    Known forms: plain, quoted by Python, percent-encoded, and base64 at any position of the encoded text
    (``Bearer KEY``).

    A plain word, or a secret shorter than eight characters, is not a key of the API, and masking it would
    hide words of our own messages. In its plain form it is masked only where programs write values: in
    quotes, or after ``=``, ``/`` or ``Bearer``. A secret shorter than four characters is not masked at all.
    """

    def __init__(self) -> None:
        self._forms: list[str] = []
        self._words: list[re.Pattern[str]] = []
        self._in_records: list[bytes] = []

    def add(self, secret: str) -> None:
        if len(secret) < 4:  # noqa: PLR2004 - see above
            return
        from urllib.parse import quote, quote_plus  # noqa: PLC0415 - `spec` has no secrets

        data = secret.encode(errors="surrogateescape")
        forms = {secret, repr(secret)[1:-1], quote(data), quote(data, safe=""), quote_plus(data)}
        forms |= {part for form in tuple(forms) for part in _in_base64(form)}
        if _is_word(secret):
            forms.discard(secret)
            word = re.escape(secret)
            self._words.append(re.compile(f"(?:(?<=[\"'=/])|(?<=Bearer )){word}(?![A-Za-z])"))
        else:
            added = {*self._in_records, *(orjson.dumps(form)[1:-1] for form in forms if form.isprintable())}
            self._in_records = sorted(added, key=len, reverse=True)
        # the longest first: a secret may be part of another form
        self._forms = sorted({*self._forms, *forms}, key=len, reverse=True)

    def in_records(self, lines: bytes) -> bytes:
        """The lines of RECORDs without the secrets that an API key may be; plain words of the data stay."""
        for form in self._in_records:
            lines = lines.replace(form, MASK.encode())
        return lines

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        for word in self._words:
            text = word.sub(MASK, text)
        return text


def _is_word(secret: str) -> bool:
    """Whether the text may be a word in a sentence; keys have 32 letters and digits."""
    one_case = secret in (secret.lower(), secret.upper(), secret.capitalize())
    return len(secret) < 8 or (len(secret) < 16 and secret.isalpha() and one_case)  # noqa: PLR2004 - see `Mask`


def _in_base64(text: str) -> Iterator[str]:
    """Yield the base64 characters that every longer text around it shares, for each of three alignments."""
    data = text.encode(errors="surrogateescape")
    yield base64.b64encode(data).decode().rstrip("=")
    for place in range(3):
        whole = slice(-(-place * 8 // 6), (place + len(data)) * 8 // 6)
        yield base64.b64encode(bytes(place) + data).decode()[whole]
        yield base64.urlsafe_b64encode(bytes(place) + data).decode()[whole]


class LinesHandler(logging.Handler):
    """Passes every log record to ``offer`` as a LOG line, and its level and text to ``heard``."""

    def __init__(
        self,
        offer: Callable[[bytes], None],
        mask: Mask,
        heard: Callable[[protocol.Level, str], None] = lambda _level, _text: None,
    ) -> None:
        super().__init__()
        self._offer = offer
        self._mask = mask
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            if record.exc_info:
                text = f"{text}: {record.exc_info[1]!r}"
        except Exception as error:  # noqa: BLE001 - a faulty log call must not end a sync
            text = f"{type(error).__name__} in a log line"
            if isinstance(record.msg, str):
                text = f"{record.msg} ({text})"
        level = next(name for least, name in _LEVELS if record.levelno >= least)
        text = self._mask(text)
        self._heard(level, text)
        self._offer(protocol.log(level, text))


def to_lines(handler: LinesHandler, *, debug: bool) -> None:
    """Make ``handler`` the only handler of the root logger. Foreign loggers log from WARNING on."""
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("stockticker_async").setLevel(logging.DEBUG if debug else logging.INFO)
