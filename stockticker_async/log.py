"""stdlib `logging` to LOG lines through the output, the secrets masked."""

import base64
import logging
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

from stockticker_async import protocol

_LEVELS: dict[int, protocol.Level] = {
    logging.CRITICAL: "FATAL",
    logging.ERROR: "ERROR",
    logging.WARNING: "WARN",
    logging.INFO: "INFO",
    logging.DEBUG: "DEBUG",
}
MASK = "****"


class Mask:
    """Replaces each secret, and the forms in which one may turn up, in any text.

    Known forms: as it is, percent-encoded, in base64. Secrets shorter than four characters are
    not masked: they would blot out ordinary words, and no key is that short.
    """

    def __init__(self) -> None:
        self._forms: list[str] = []

    def add(self, secret: str) -> None:
        if len(secret) < 4:  # noqa: PLR2004 - see above
            return
        forms = {secret, quote(secret, safe=""), quote_plus(secret)}
        forms |= {base64.b64encode(form.encode()).decode().rstrip("=") for form in tuple(forms)}
        # the longest first: a secret may be part of another form
        self._forms = sorted({*self._forms, *forms}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


class LinesHandler(logging.Handler):
    """Hands every log record to ``offer`` as a LOG line."""

    def __init__(self, offer: Callable[[bytes], None], mask: Mask) -> None:
        super().__init__()
        self._offer = offer
        self._mask = mask

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}: {record.exc_info[1]!r}"
        level = _LEVELS.get(record.levelno, "INFO")
        self._offer(protocol.log(level, self._mask(text)))


def to_lines(handler: LinesHandler, *, debug: bool, quiet: Iterable[str] = ("asyncio", "aiohttp")) -> None:
    """Make ``handler`` the only one of the root logger. Foreign loggers speak from WARNING on."""
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
