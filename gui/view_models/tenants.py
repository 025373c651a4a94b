"""The calls that load and change tenants.

Owns the list and one change of a kind at a time, so that a double click adds one shop; rows and
columns are left to ``gui.view_models.tenant_table``, asking and showing to ``gui.pages.tenants``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, Signal

from gui.api.client import ApiClient
from gui.api.errors import ApiError
from gui.api.models import CreatedTenant, Embed, Tenant, TenantList
from gui.api.transport import ApiRequest
from gui.view_models.tenant_table import TenantTable

PAGE_SIZE = 200


class TenantStore(QObject):
    """Loads and changes tenants; the table follows."""

    loading_changed = Signal(bool)
    loaded = Signal()
    load_failed = Signal(object)

    def __init__(self, client: ApiClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = TenantTable(self)
        self.is_loading = False
        self.has_loaded = False
        self._client = client
        self._gathered: list[Tenant] = []
        self._busy: set[str] = set()

    def load(self) -> None:
        """Fetch all tenants, page after page; does nothing while that is under way."""
        if self.is_loading:
            return
        self._gathered = []
        self._set_loading(True)
        self._load_page(None)

    def clear(self) -> None:
        """Forget everything, as after signing out."""
        self.has_loaded = False
        self.table.replace_all([])

    def create(
        self,
        body: dict[str, object],
        *,
        owner: QObject,
        on_success: Callable[[CreatedTenant], None],
        on_error: Callable[[ApiError], None],
    ) -> bool:
        """Add a tenant; returns ``False`` and does nothing while another is being added."""
        request = ApiRequest("POST", "/api/admin/tenants", body=body, deadline_s=30.0)

        def keep(created: CreatedTenant) -> None:
            self.table.put(created)
            if shiboken6.isValid(owner):
                on_success(created)

        return self._change("create", request, CreatedTenant, owner, keep, on_error)

    def update(
        self,
        tenant_id: str,
        changes: dict[str, object],
        *,
        owner: QObject,
        on_success: Callable[[Tenant], None],
        on_error: Callable[[ApiError], None],
    ) -> bool:
        """Change some fields of a tenant; ``False`` while it is already being changed."""
        request = ApiRequest("PATCH", f"/api/admin/tenants/{tenant_id}", body=changes)

        def keep(tenant: Tenant) -> None:
            self.table.put(tenant)
            if shiboken6.isValid(owner):
                on_success(tenant)

        return self._change(f"change {tenant_id}", request, Tenant, owner, keep, on_error)

    def deactivate(
        self,
        tenant_id: str,
        *,
        owner: QObject,
        on_success: Callable[[], None],
        on_error: Callable[[ApiError], None],
    ) -> bool:
        """Stop a tenant's assistant; its data stays. ``False`` while it is being changed."""
        request = ApiRequest("DELETE", f"/api/admin/tenants/{tenant_id}")

        def reload(_answer: object) -> None:
            self.load()
            if shiboken6.isValid(owner):
                on_success()

        return self._change(f"change {tenant_id}", request, None, owner, reload, on_error)

    def load_embed(
        self,
        tenant_id: str,
        *,
        owner: QObject,
        on_success: Callable[[Embed], None],
        on_error: Callable[[ApiError], None],
    ) -> None:
        """Fetch the markup that puts a tenant's widget on a page."""
        self._client.call(
            ApiRequest("GET", f"/api/admin/tenants/{tenant_id}/embed"),
            Embed,
            owner=owner,
            on_success=on_success,
            on_error=on_error,
        )

    def _change(
        self,
        what: str,
        request: ApiRequest,
        answer_type: type[Any] | None,
        owner: QObject,
        on_success: Callable[[Any], None],
        on_error: Callable[[ApiError], None],
    ) -> bool:
        if what in self._busy:
            return False
        self._busy.add(what)

        # The call belongs to the store, not to who asked: the table follows even when a dialog
        # has been closed meanwhile.
        def succeed(answer: Any) -> None:
            self._busy.discard(what)
            on_success(answer)

        def fail(error: ApiError) -> None:
            self._busy.discard(what)
            if shiboken6.isValid(owner):
                on_error(error)

        self._client.call(request, answer_type, owner=self, on_success=succeed, on_error=fail)
        return True

    def _load_page(self, cursor: str | None) -> None:
        query = {"limit": str(PAGE_SIZE)}
        if cursor:
            query["cursor"] = cursor
        self._client.call(
            ApiRequest("GET", "/api/admin/tenants", query=query),
            TenantList,
            owner=self,
            on_success=self._on_page,
            on_error=self._on_load_error,
        )

    def _on_page(self, page: TenantList) -> None:
        self._gathered += page.items
        if page.next_cursor and page.items:
            self._load_page(page.next_cursor)
            return
        self.has_loaded = True
        self.table.replace_all(self._gathered)
        self._set_loading(False)
        self.loaded.emit()

    def _on_load_error(self, error: ApiError) -> None:
        self._set_loading(False)
        self.load_failed.emit(error)

    def _set_loading(self, is_loading: bool) -> None:
        self.is_loading = is_loading
        self.loading_changed.emit(is_loading)
