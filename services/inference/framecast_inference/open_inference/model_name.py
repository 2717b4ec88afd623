"""What clients of the protocol call a model."""

from dataclasses import dataclass

from framecast import names
from framecast.errors import InvalidArgumentError

NETWORK_SUFFIX = ":network"
"""Behind a model's name it means the bare graph: tensors in, tensors out."""

_DEFAULT_PROJECT = "default"
_FORMS = "`M` (of project `default`), `P/M` or `projects/P/models/M`, each with or without `:network` behind it"


@dataclass(frozen=True)
class ModelReference:
    """A model, or one version of it, by either of its two sides."""

    model: str
    """`projects/{project}/models/{model}`."""
    version: str
    """The version's id; empty for the newest trained one."""
    network: bool
    """The bare graph; else pictures in, predictions out."""

    @property
    def version_name(self) -> str:
        """`projects/{project}/models/{model}/versions/{version}`; there must be a version."""
        return version_name(self.model, self.version)


def parse_reference(name: str, version: str, *, field: str = "model_name") -> ModelReference:
    """Reads a model's name in any of its forms, and its version.

    A full version name, `projects/P/models/M/versions/V`, is taken, too; `version` is then empty or the same.
    Raises InvalidArgumentError that names the field.
    """
    bare = name.removesuffix(NETWORK_SUFFIX)
    network = bare != name
    ids = _ids(bare)
    if ids is None:
        raise InvalidArgumentError(
            f"{field} must be {_FORMS}, got {name!r}", reason="MODEL_NAME_INVALID", field=field, value=name
        )
    named = ids.get("version", "")
    if named and version and named != version:
        raise InvalidArgumentError(
            f"{field} names version {named!r}, model_version is {version!r}; leave one of them out",
            reason="MODEL_VERSION_CONTRADICTION",
            field="model_version",
            value=version,
        )
    model = names.MODEL.format(project=ids["project"], model=ids["model"])
    reference = ModelReference(model, named or version, network)
    if reference.version and not names.MODEL_VERSION.matches(reference.version_name):
        raise InvalidArgumentError(
            f"model_version must be a version's id such as '1', got {version!r}",
            reason="MODEL_VERSION_INVALID",
            field="model_version",
            value=version,
        )
    return reference


def version_name(model: str, version: str) -> str:
    """The resource name of a model's version."""
    return f"{model}/versions/{version}"


def split_version_name(name: str) -> tuple[str, str]:
    """Model and version id of a version's resource name."""
    model, _, version = name.rpartition("/versions/")
    return model, version


def model_of(name: str, *, network: bool) -> str:
    """What the index and the statistics call a side of a model."""
    return name + NETWORK_SUFFIX if network else name


def _ids(name: str) -> dict[str, str] | None:
    parts = name.split("/")
    if len(parts) == 1:
        name = names.MODEL.format(project=_DEFAULT_PROJECT, model=name)
    elif len(parts) == 2:
        name = names.MODEL.format(project=parts[0], model=parts[1])
    for pattern in (names.MODEL, names.MODEL_VERSION):
        if pattern.matches(name):
            return pattern.parse(name)
    return None
