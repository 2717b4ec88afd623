"""Projects: the owners of everything else."""

from collections.abc import Callable
from datetime import datetime

from framecast.errors import AlreadyExistsError, NotFoundError
from framecast.names import check_id
from framecast_registry.domain import Project
from framecast_registry.ports import MetadataStore, Transaction
from framecast_registry.requests import Request
from framecast_registry.text_limits import NAME_BYTES, check_text
from framecast_runtime.paging import Page, cut_page

DEFAULT_PROJECT = "default"


def require_project(tx: Transaction, project_id: str) -> Project:
    """The project. Raises NotFoundError."""
    project = tx.projects.get(project_id)
    if project is None:
        raise NotFoundError(
            f"no project {project_id!r}; create it first, or use {DEFAULT_PROJECT!r}",
            reason="PROJECT_NOT_FOUND",
            project=project_id,
        )
    return project


class Projects:
    def __init__(self, store: MetadataStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def ensure_default(self) -> None:
        """Makes the project that exists from the start."""
        with self._store.transaction() as tx:
            tx.lock(f"project/{DEFAULT_PROJECT}")
            if tx.projects.get(DEFAULT_PROJECT) is None:
                tx.projects.add(Project(DEFAULT_PROJECT, "Default", self._now()))

    def create(self, project_id: str, display_name: str, request_id: str) -> Project:
        """Raises AlreadyExistsError where the id is taken."""
        check_id(project_id, field="project_id")
        check_text(display_name, NAME_BYTES, field="project.display_name")
        request = Request("CreateProject", "", request_id, project_id, display_name)
        with self._store.transaction() as tx:
            if request.earlier_result(tx):
                return require_project(tx, project_id)
            tx.lock(f"project/{project_id}")
            if tx.projects.get(project_id) is not None:
                raise AlreadyExistsError(
                    f"there is a project {project_id!r} already; choose another project_id",
                    reason="PROJECT_ALREADY_EXISTS",
                    project=project_id,
                )
            project = Project(project_id, display_name, self._now())
            tx.projects.add(project)
            request.remember(tx, project_id, project.create_time)
            return project

    def get(self, project_id: str) -> Project:
        """Raises NotFoundError."""
        with self._store.snapshot() as tx:
            return require_project(tx, project_id)

    def page(self, page: Page) -> tuple[list[Project], str]:
        """A page by id, and the token of the next one."""
        with self._store.snapshot() as tx:
            rows = tx.projects.page(page.after, page.size + 1)
        return cut_page(rows, page, lambda row: row.project_id)
