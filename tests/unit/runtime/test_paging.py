"""Pages as every `List` gives them."""

import base64

import pytest

from framecast.errors import InvalidArgumentError
from framecast_runtime.paging import Page, cut_page, page_token, read_page


@pytest.mark.parametrize(("asked", "given"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
def test_page_size_is_bounded(asked, given):
    assert read_page(asked, "").size == given


def test_negative_page_size_is_refused():
    with pytest.raises(InvalidArgumentError) as caught:
        read_page(-1, "")
    assert (caught.value.reason, caught.value.field) == ("PAGE_SIZE_INVALID", "page_size")


@pytest.mark.parametrize("after", ["a", "ü/{", "0", ""])
def test_token_leads_back_to_its_row(after):
    assert read_page(1, page_token(after)).after == after


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "!!!",
        "ü",
        *(base64.urlsafe_b64encode(raw).decode() for raw in (b"[]", b"[1]", b"5", b"{}", b'["a","b"]', b"\xff")),
    ],
)
def test_foreign_token_is_refused(token):
    with pytest.raises(InvalidArgumentError) as caught:
        read_page(1, token)
    assert (caught.value.reason, caught.value.field) == ("PAGE_TOKEN_INVALID", "page_token")


def test_numbered_lists_refuse_the_token_of_a_named_one():
    assert Page(1, None).after_number() is None
    assert Page(1, "12").after_number() == 12
    for after in ("a", "", "-1", "1.5", "²", "9" * 19):
        with pytest.raises(InvalidArgumentError):
            Page(1, after).after_number()


def test_cut_gives_a_token_only_where_more_follows():
    page = Page(2, None)
    assert cut_page([], page, str) == ([], "")
    assert cut_page([1, 2], page, str) == ([1, 2], "")
    rows, token = cut_page([1, 2, 3], page, str)
    assert rows == [1, 2]
    assert read_page(2, token).after == "2"
