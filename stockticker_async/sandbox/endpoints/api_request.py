"""A request to an endpoint, already authorised, and its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from stockticker_async.sandbox.endpoints import cursors
from stockticker_async.sandbox.endpoints.api_response import bad_request


@dataclass(frozen=True, slots=True)
class ApiRequest:
    path: str
    """As sent, still percent-encoded."""
    parts: Mapping[str, str]
    """The parameters in the path, decoded."""
    query: Mapping[str, str]
    origin: str
    """The scheme and host of the request, which next_url echoes."""
    request_id: str

    def resumed(self) -> "ApiRequest":
        """The request with the parameters of its cursor, which win over parameters beside the cursor."""
        if "cursor" not in self.query:
            return self
        try:
            return replace(self, query={**self.query, **cursors.decode(self.query["cursor"])})
        except ValueError:
            raise bad_request("The parameter 'cursor' is invalid.") from None

    def flag(self, name: str, *, default: bool) -> bool:
        match self.query.get(name, "").lower():
            case "":
                return default
            case "true" | "1" | "t":
                return True
            case "false" | "0" | "f":
                return False
            case _:
                raise bad_request(f"Could not parse the boolean parameter '{name}'.")

    def limit(self, default: int, most: int) -> int:
        text = self.query.get("limit", str(default))
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise bad_request(f"The parameter 'limit' must be a number between 1 and {most}.")
        return int(text)

    def day(self, name: str) -> date:
        """A date of the path; raises a 400 for anything else."""
        return parse_day(name, self.parts[name])


def parse_day(name: str, text: str) -> date:
    """A date written YYYY-MM-DD; raises a 400 that names the parameter for anything else."""
    try:
        if len(text) == len("2020-12-15"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise bad_request(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS timestamps.")
