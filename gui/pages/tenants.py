"""The page of the shops this appliance serves.

Owns what happens when a tenant is added, edited, deactivated or embedded; the list is left to
``gui.widgets.tenant_list``, the calls to ``gui.view_models.tenants``.
"""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QCoreApplication, Qt

from gui.api.errors import ApiError
from gui.api.models import CreatedTenant, Tenant
from gui.context import PanelContext
from gui.page import Page, PageSpec
from gui.view_models.tenants import TenantStore
from gui.widgets.basics import Button
from gui.widgets.dialogs import Question
from gui.widgets.tenant_form import TenantForm
from gui.widgets.tenant_list import TenantListCard
from gui.widgets.tenant_secrets import EmbedCode, NewTenantKeys


def build_title() -> str:
    """Name the page in the operator's language."""
    return QCoreApplication.translate("TenantsPage", "Tenants")


class TenantsPage(Page):
    """Search, add, edit, deactivate, embed."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context, build_title())
        self.subtitle.setText(self.tr("The shops this assistant answers for"))
        look = context.look
        self.store = TenantStore(context.client, self)
        self.refresh_button = Button(
            look, icon="refresh", kind="quiet", name=self.tr("Refresh (F5)")
        )
        self.refresh_button.clicked.connect(self.refresh)
        self.add_button = Button(look, self.tr("Add tenant"), icon="plus", kind="primary")
        self.add_button.clicked.connect(self.open_add)
        self.heading_actions.addWidget(self.refresh_button)
        self.heading_actions.addWidget(self.add_button)
        self.list = TenantListCard(look, self.store)
        self.list.add_asked.connect(self.open_add)
        self.list.edit_asked.connect(self.open_edit)
        self.list.embed_asked.connect(self.open_embed)
        self.list.toggle_asked.connect(self.toggle_active)
        self.body.addWidget(self.list, 1)
        self.store.loaded.connect(self._on_loaded)
        self.store.load_failed.connect(self._on_load_failed)

    def enter(self) -> None:
        """Load; what was loaded before stays on the screen until the news is there."""
        operator = self.context.session.state.operator
        can_write = operator is not None and operator.can_write
        self.add_button.setEnabled(can_write)
        self.list.allow_changes(can_write=can_write)
        self.store.load()

    def leave(self) -> None:
        """Forget the list when nobody is signed in any more."""
        if not self.context.session.is_signed_in:
            self.store.clear()

    def refresh(self) -> None:
        """Load the list again."""
        self.store.load()

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self.list.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.list.search.selectAll()

    def open_add(self) -> None:
        """Ask for a new tenant."""
        form = TenantForm(self.context.look, self)
        form.submitted.connect(lambda body: self._add(form, body))
        form.open()

    def open_edit(self) -> None:
        """Ask for changes to the selected tenant."""
        tenant = self.list.selected_tenant()
        if tenant is None:
            return
        form = TenantForm(self.context.look, self, tenant)
        form.submitted.connect(lambda body: self._save(form, tenant, body))
        form.open()

    def open_embed(self) -> None:
        """Show the embed code of the selected tenant."""
        tenant = self.list.selected_tenant()
        if tenant is not None:
            EmbedCode(self.context.look, self, tenant, self.store).open()

    def toggle_active(self) -> None:
        """Activate the selected tenant, or ask whether to deactivate it."""
        tenant = self.list.selected_tenant()
        if tenant is None:
            return
        if not tenant.is_active:
            self._activate(tenant)
            return
        question = Question(
            self.context.look,
            self,
            self.tr("Deactivate {0}?").format(tenant.name),
            self.tr(
                "Its widget stops answering visitors at once. Nothing is deleted, and it can be"
                " activated again."
            ),
        )
        question.add_answer(self.tr("Keep active"), lambda: None, is_default=True)
        question.add_answer(self.tr("Deactivate"), lambda: self._deactivate(tenant), kind="danger")
        question.open()

    def _add(self, form: TenantForm, body: dict[str, object]) -> None:
        def on_success(created: CreatedTenant) -> None:
            if shiboken6.isValid(form):
                form.accept()
            # Shown even when the form was closed meanwhile: the keys are shown only this once.
            NewTenantKeys(self.context.look, self, created, self.store).open()

        self.store.create(
            body,
            owner=self,
            on_success=on_success,
            on_error=lambda error: self._show_form_failure(form, error),
        )

    def _save(self, form: TenantForm, tenant: Tenant, body: dict[str, object]) -> None:
        def on_success(changed: Tenant) -> None:
            if shiboken6.isValid(form):
                form.accept()
            self.context.say(self.tr("{0} is saved.").format(changed.name))

        self.store.update(
            tenant.id,
            body,
            owner=self,
            on_success=on_success,
            on_error=lambda error: self._show_form_failure(form, error),
        )

    def _activate(self, tenant: Tenant) -> None:
        def on_success(changed: Tenant) -> None:
            self.banner.hide()
            self.context.say(self.tr("{0} is active again.").format(changed.name))

        self.store.update(
            tenant.id,
            {"status": "active"},
            owner=self,
            on_success=on_success,
            on_error=lambda error: self.banner.show_error(
                error, on_retry=lambda: self._activate(tenant)
            ),
        )

    def _deactivate(self, tenant: Tenant) -> None:
        def on_success() -> None:
            self.banner.hide()
            self.context.say(self.tr("{0} is deactivated.").format(tenant.name))

        self.store.deactivate(
            tenant.id,
            owner=self,
            on_success=on_success,
            on_error=lambda error: self.banner.show_error(
                error, on_retry=lambda: self._deactivate(tenant)
            ),
        )

    def _show_form_failure(self, form: TenantForm, error: ApiError) -> None:
        if shiboken6.isValid(form):
            form.show_failure(error)
        else:
            self.banner.show_error(error)

    def _on_loaded(self) -> None:
        self.banner.hide()
        self.settled.emit()

    def _on_load_failed(self, error: ApiError) -> None:
        self.banner.show_error(error, on_retry=self.refresh)
        self.settled.emit()


PAGE = PageSpec(name="tenants", title=build_title, icon="tenants", order=20, build=TenantsPage)
