"""Projects, assets and what all lists have in common, over the wire."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from framecast import errors
from framecast.v1 import dataset_pb2, model_pb2, project_pb2
from framecast.v1 import registry_service_pb2 as pb
from tests.support.pictures import picture
from tests.support.registry_api import PROJECT


def create_project(api: Any, project_id: Any, **fields: Any) -> Any:
    return api.registry.CreateProject(pb.CreateProjectRequest(project_id=project_id, **fields))


def test_the_default_project_is_there_from_the_start(api):
    assert api.registry.GetProject(pb.GetProjectRequest(name=PROJECT)).name == PROJECT


def test_projects_page_to_the_end(api):
    for number in range(7):
        create_project(api, f"p{number}")
    names, token, pages = [], "", 0
    while True:
        page = api.registry.ListProjects(pb.ListProjectsRequest(page_size=3, page_token=token))
        names += [project.name for project in page.projects]
        token, pages = page.next_page_token, pages + 1
        if not token:
            break
    assert names == [PROJECT, *(f"projects/p{number}" for number in range(7))]
    assert pages == 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"page_size": -1}, "page_size"), ({"page_token": "?"}, "page_token"), ({"page_token": "W10="}, "page_token")],
)
def test_lists_name_the_paging_field_at_fault(api, fields, field):
    calls: list[Callable[[], Any]] = [
        lambda: api.registry.ListProjects(pb.ListProjectsRequest(**fields)),
        lambda: api.registry.ListAssets(pb.ListAssetsRequest(parent=PROJECT, **fields)),
        lambda: api.registry.ListDatasets(pb.ListDatasetsRequest(parent=PROJECT, **fields)),
        lambda: api.registry.ListModels(pb.ListModelsRequest(parent=PROJECT, **fields)),
    ]
    for call in calls:
        with pytest.raises(errors.InvalidArgumentError) as caught:
            call()
        assert caught.value.field == field


def test_a_name_that_is_taken_is_refused(api):
    create_project(api, "shop")
    with pytest.raises(errors.AlreadyExistsError, match="shop"):
        create_project(api, "shop")


@pytest.mark.parametrize("project_id", ["", "Shop", "1shop", "shop-", "a" * 64, "a/b"])
def test_ids_are_checked(api, project_id):
    with pytest.raises(errors.InvalidArgumentError) as caught:
        create_project(api, project_id)
    assert caught.value.field == "project_id"


def test_texts_are_limited_in_bytes(api):
    name, text = "é" * 513, "x" * 65537
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: create_project(api, "shop", project=project_pb2.Project(display_name=name)), "project.display_name"),
        (lambda: create_dataset(api, display_name=name), "dataset.display_name"),
        (lambda: create_dataset(api, description=text), "dataset.description"),
        (lambda: create_model(api, display_name=name), "model.display_name"),
        (lambda: create_model(api, description=text), "model.description"),
        (lambda: api.create_asset(picture(), name), "asset.display_name"),
    ]
    for call, field in calls:
        with pytest.raises(errors.InvalidArgumentError) as caught:
            call()
        assert (caught.value.reason, caught.value.field) == ("TEXT_TOO_LONG", field)
    create_dataset(api, display_name=name[:-1], description=text[:-1])


def create_dataset(api: Any, **fields: Any) -> Any:
    request = pb.CreateDatasetRequest(parent=PROJECT, dataset_id="cars", dataset=dataset_pb2.Dataset(**fields))
    return api.registry.CreateDataset(request)


def create_model(api: Any, **fields: Any) -> Any:
    request = pb.CreateModelRequest(parent=PROJECT, model_id="net", model=model_pb2.Model(**fields))
    return api.registry.CreateModel(request)


def test_a_repeated_request_returns_the_first_result(api):
    shop = project_pb2.Project(display_name="Shop")
    first = create_project(api, "shop", project=shop, request_id="r")
    assert create_project(api, "shop", project=shop, request_id="r") == first
    with pytest.raises(errors.InvalidArgumentError) as caught:
        create_project(api, "other", request_id="r")
    assert (caught.value.reason, caught.value.field) == ("REQUEST_ID_REUSED", "request_id")
    with pytest.raises(errors.InvalidArgumentError) as long:
        create_project(api, "third", request_id="x" * 65)
    assert long.value.field == "request_id"


def test_sixteen_threads_with_one_request_id_make_one_project(api):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(create_project(api, "shop", request_id="r"))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 16
    assert all(project == made[0] for project in made)


def test_sixteen_threads_create_without_waiting_in_vain(api):
    failures = []

    def create(worker: Any) -> None:
        try:
            for number in range(5):
                create_project(api, f"p{worker}-{number}")
                api.create_asset(picture(worker * 10 + number), "x.png")
        except errors.FramecastError as error:
            failures.append(error)

    threads = [threading.Thread(target=create, args=(worker,)) for worker in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(api.registry.ListProjects(pb.ListProjectsRequest(page_size=1000)).projects) == 81
    assert len(api.registry.ListAssets(pb.ListAssetsRequest(parent=PROJECT, page_size=1000)).assets) == 80


def test_a_missing_parent_is_not_found(api):
    calls: list[Callable[[], Any]] = [
        lambda: api.registry.ListAssets(pb.ListAssetsRequest(parent="projects/none")),
        lambda: api.registry.ListDatasets(pb.ListDatasetsRequest(parent="projects/none")),
        lambda: api.registry.CreateDataset(pb.CreateDatasetRequest(parent="projects/none", dataset_id="a")),
        lambda: api.registry.CreateModel(pb.CreateModelRequest(parent="projects/none", model_id="a")),
        lambda: api.put(b"x", parent="projects/none"),
        lambda: api.create_upload(b"x", parent="projects/none"),
    ]
    for call in calls:
        with pytest.raises(errors.NotFoundError) as caught:
            call()
        assert caught.value.reason == "PROJECT_NOT_FOUND"


def test_the_same_bytes_are_the_same_asset_and_the_first_name_stays(api):
    first = api.create_asset(picture(), "first.png")
    assert api.create_asset(picture(), "second.png") == first
    assert api.registry.GetAsset(pb.GetAssetRequest(name=first.name)) == first


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_every_kind_of_picture_is_told_by_its_bytes(api, kind):
    asset = api.create_asset(picture(kind=kind), "misnamed.mp4")
    assert asset.media_type == f"image/{kind.lower()}"
    assert (asset.image.width, asset.image.height) == (32, 24)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_every_kind_of_picture_is_refused_when_cut_off(api, kind):
    data = picture(kind=kind, width=200, height=200)
    with pytest.raises(errors.InvalidArgumentError, match=r"cut\.bin") as caught:
        api.create_asset(data[: len(data) // 2], "cut.bin")
    assert caught.value.reason in ("IMAGE_TRUNCATED", "IMAGE_UNREADABLE")


def test_an_asset_needs_a_blob_of_its_project(api):
    blob = api.put(picture())
    create_project(api, "other")
    for parent, name, error in (
        ("projects/other", blob.name, errors.InvalidArgumentError),
        ("projects/other", blob.name.replace(PROJECT, "projects/other"), errors.NotFoundError),
        (PROJECT, f"{PROJECT}/blobs/xyz", errors.InvalidArgumentError),
    ):
        with pytest.raises(error):
            api.registry.CreateAsset(pb.CreateAssetRequest(parent=parent, blob=name))
