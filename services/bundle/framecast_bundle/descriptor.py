"""Reads the short description of a model that was trained elsewhere: YAML or JSON, every mistake named."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from framecast.errors import InvalidArgumentError
from framecast_bundle.nearest_names import nearest_names

MAX_DESCRIPTOR_BYTES = 1 << 20


def parse_descriptor(data: bytes) -> object:
    """Parses YAML (or JSON, which is a part of it); InvalidArgumentError where it is neither.

    YAML aliases are refused: a few of them can stand for gigabytes.
    """
    if len(data) > MAX_DESCRIPTOR_BYTES:
        _refuse("descriptor", f"{len(data)} bytes long", f"must be at most {MAX_DESCRIPTOR_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
        if text.lstrip().startswith("{"):
            try:
                return json.loads(text)
            except ValueError:
                pass  # braces start a YAML flow mapping, too
        return _load_yaml(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f"the descriptor is neither YAML nor JSON: {error}", reason="DESCRIPTOR_UNREADABLE", field="descriptor"
        ) from error


class Section:
    """A mapping of the descriptor with the keys that it may have. All readers raise InvalidArgumentError."""

    def __init__(self, value: object, path: str, known: Sequence[str]) -> None:
        """`path` is how errors call the section, empty for the whole descriptor. Unknown keys are refused."""
        self._path = path
        if not isinstance(value, Mapping):
            _refuse(path or "descriptor", _kind(value), "must be a mapping of keys to values")
        self._values: Mapping[Any, Any] = value
        for key in value:
            if key not in known:
                nearest = nearest_names(str(key), known, 1)[0]
                raise InvalidArgumentError(
                    f"the descriptor has no key {self.field(str(key))!r}; did you mean {nearest!r}?",
                    reason="UNKNOWN_KEY",
                    field=self.field(str(key)),
                    nearest=nearest,
                    known=", ".join(known),
                )

    def __contains__(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self._values.get(key) is not None

    def field(self, key: str) -> str:
        """The key with its section, as errors name it."""
        return f"{self._path}.{key}" if self._path else key

    def value(self, key: str) -> object:
        """Whatever stands at a key that must be there."""
        if key not in self:
            _refuse(self.field(key), "missing", "must be given")
        return self._values[key]

    def section(self, key: str, known: Sequence[str]) -> "Section":
        """The mapping at a key; an absent one reads as empty."""
        return Section(self._values.get(key) or {}, self.field(key), known)

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        if key not in self and default is not None:
            return default
        return text_of(self.value(key), self.field(key))

    def choice(self, key: str, options: Mapping[str, int]) -> int:
        """One of the options, whatever the case."""
        name = self.text(key).lower()
        if name not in options:
            nearest = nearest_names(name, list(options), 1)[0]
            rule = f"must be one of {', '.join(options)}; did you mean {nearest!r}?"
            _refuse(self.field(key), repr(name), rule)
        return options[name]

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.value(key) if key in self else default
        if not isinstance(value, bool):
            _refuse(self.field(key), repr(value), "must be true or false")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        return number_of(self.value(key), self.field(key))

    def integer(self, key: str) -> int:
        """A whole number of at most 31 bits."""
        return integer_of(self.value(key), self.field(key))

    def numbers(self, key: str, default: Sequence[float] | None = None) -> list[float]:
        """A list of numbers; nested lists are joined."""
        if key not in self and default is not None:
            return list(default)
        return [number_of(value, self.field(key)) for value in _flat(self.value(key), self.field(key))]


def text_of(value: object, field: str) -> str:
    """A non-empty string."""
    if not isinstance(value, str) or not value.strip():
        # YAML reads no, on and 1.0 as other things than text.
        _refuse(field, repr(value), "must be text; put it in quotes if it is")
    return value.strip()


def number_of(value: object, field: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse(field, repr(value), "must be a number")
    return float(value)


def integer_of(value: object, field: str) -> int:
    """A whole number of at most 31 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 31:
        _refuse(field, repr(value), "must be a whole number")
    return value


def list_of(value: object, field: str) -> list[object]:
    """A list that is not empty."""
    if not isinstance(value, list) or not value:
        _refuse(field, _kind(value), "must be a list with at least one entry")
    return value


def _flat(value: object, field: str) -> list[object]:
    flat: list[object] = []
    for entry in list_of(value, field):
        flat.extend(list_of(entry, field) if isinstance(entry, list) else [entry])
    return flat


def _load_yaml(text: str) -> object:
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("aliases (*name) are not accepted")
            return super().compose_node(parent, index)

    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _kind(value: object) -> str:
    return "empty" if value in (None, [], {}, "") else f"a {type(value).__name__}"


def _refuse(field: str, value: str, rule: str) -> NoReturn:
    raise InvalidArgumentError(f"{field} is {value}; it {rule}", reason="INVALID_DESCRIPTOR", field=field, value=value)
