"""Tokens of a stream: where it goes on, and whose they are."""

import base64
from dataclasses import replace

import pytest

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast_inference.resume_point import (
    MOST_TRACK_BYTES,
    ResumePoint,
    from_token,
    request_fingerprint,
    to_token,
    version_of,
)

OURS = request_fingerprint([b"model", b"video", b"frames"])
SELECTED = range(10, 40, 3)


def test_a_token_brings_its_point_back() -> None:
    point = ResumePoint(position=2**40, frames_done=7, first_missing=3, missing=2)
    assert from_token(to_token(point, OURS), OURS) == point
    assert from_token(to_token(ResumePoint(), OURS), OURS) == ResumePoint()
    assert from_token("", OURS) == ResumePoint()


def test_a_token_says_which_version_it_comes_from() -> None:
    assert version_of(to_token(ResumePoint(position=3), OURS, model_version=17)) == "17"
    assert version_of(to_token(ResumePoint(position=3), OURS)) == ""
    assert version_of("") == ""
    with pytest.raises(InvalidArgumentError, match="resume_token"):
        version_of("x")


def test_a_token_brings_tracks_back_as_far_as_it_holds_them() -> None:
    point = ResumePoint(position=3, frames_done=3, tracks=bytes(range(1, 251)))
    assert from_token(to_token(point, OURS), OURS) == point
    assert point.after(SELECTED, 19).tracks == point.tracks
    most = replace(point, tracks=bytes(range(1, 65)) * (MOST_TRACK_BYTES // 64))
    assert from_token(to_token(most, OURS), OURS) == most
    token = to_token(replace(most, tracks=most.tracks + b"x"), OURS)
    assert len(token) < 200
    with pytest.raises(FailedPreconditionError) as refused:
        from_token(token, OURS)
    assert refused.value.reason == "TRACKS_TOO_MANY"


def test_a_token_is_safe_in_a_file_name() -> None:
    token = to_token(ResumePoint(position=2**60, frames_done=2**50), bytes([255] * 16))
    assert token.replace("-", "").replace("_", "").isalnum()


def test_the_point_follows_the_frames_and_counts_those_that_are_missing() -> None:
    point = ResumePoint().after(SELECTED, 10).after(SELECTED, 13)
    assert point == ResumePoint(position=2, frames_done=2)
    point = point.after(SELECTED, 22)
    assert point == ResumePoint(position=5, frames_done=3, first_missing=16, missing=2)
    point = point.after(SELECTED, 28)
    assert point == ResumePoint(position=7, frames_done=4, first_missing=16, missing=3)


@pytest.mark.parametrize("parts", [[b"other", b"video", b"frames"], [b"modelv", b"ideo", b"frames"], [b"model"]])
def test_a_token_of_another_request_is_refused(parts: list[bytes]) -> None:
    token = to_token(ResumePoint(position=3), request_fingerprint(parts))
    with pytest.raises(InvalidArgumentError, match="another request") as refused:
        from_token(token, OURS)
    assert (refused.value.field, refused.value.reason) == ("resume_token", "RESUME_TOKEN_INVALID")


def test_what_is_no_token_is_refused() -> None:
    token = to_token(ResumePoint(position=3, frames_done=3), OURS)
    wrong = ["x", "!" * 56, "ä" * 56, token[:-1], token + "A", "A" * len(token)]
    data = bytearray(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_"))
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        wrong.append(base64.urlsafe_b64encode(changed).decode().rstrip("="))
    for each in wrong:
        with pytest.raises(InvalidArgumentError):
            from_token(each, OURS)
