"""Resource names (AIP-122): `projects/{project}/datasets/{dataset}/versions/{version}` and the others."""

import re
from dataclasses import dataclass, field

from framecast.errors import InvalidArgumentError

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class NamePattern:
    """A kind of resource name; placeholders in braces stand for ids."""

    pattern: str
    _regex: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        regex = re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9][A-Za-z0-9_.-]{0,127})", self.pattern)
        object.__setattr__(self, "_regex", re.compile(regex))

    def parse(self, name: str, *, field: str = "name") -> dict[str, str]:
        """The ids within a name. Raises InvalidArgumentError where the name is not of this kind."""
        match = self._regex.fullmatch(name)
        if match is None:
            raise InvalidArgumentError(
                f"{field} must look like `{self.pattern}`, got {name!r}",
                reason="RESOURCE_NAME_INVALID",
                field=field,
                value=name,
                pattern=self.pattern,
            )
        return match.groupdict()

    def matches(self, name: str) -> bool:
        """Whether a name is of this kind."""
        return self._regex.fullmatch(name) is not None

    def format(self, **ids: object) -> str:
        """The name with these ids."""
        return self.pattern.format(**ids)


PROJECT = NamePattern("projects/{project}")
BLOB = NamePattern("projects/{project}/blobs/{sha256}")
UPLOAD = NamePattern("projects/{project}/uploads/{upload}")
ASSET = NamePattern("projects/{project}/assets/{sha256}")
DATASET = NamePattern("projects/{project}/datasets/{dataset}")
DATASET_VERSION = NamePattern("projects/{project}/datasets/{dataset}/versions/{version}")
PREDICTION_SET = NamePattern("projects/{project}/datasets/{dataset}/versions/{version}/predictionSets/{prediction_set}")
MODEL = NamePattern("projects/{project}/models/{model}")
MODEL_VERSION = NamePattern("projects/{project}/models/{model}/versions/{version}")
TRAINING_JOB = NamePattern("projects/{project}/trainingJobs/{training_job}")
INFERENCE_JOB = NamePattern("projects/{project}/inferenceJobs/{inference_job}")


def check_id(value: str, *, field: str) -> str:
    """An id that a person may choose: 1 to 63 of a-z, 0-9 and `-`, starting with a letter, ending with neither `-`."""
    if not _ID.fullmatch(value):
        raise InvalidArgumentError(
            f"{field} must be 1 to 63 of a-z, 0-9 and '-', starting with a letter, not ending with '-', got {value!r}",
            reason="RESOURCE_ID_INVALID",
            field=field,
            value=value,
        )
    return value


def check_sha256(value: str, *, field: str) -> str:
    """A SHA-256 digest in 64 lower-case hexadecimal digits."""
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise InvalidArgumentError(
            f"{field} must be a SHA-256 digest in 64 lower-case hexadecimal digits, got {value!r}",
            reason="DIGEST_INVALID",
            field=field,
            value=value,
        )
    return value
