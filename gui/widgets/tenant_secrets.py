"""What a shop needs to put the widget on its pages.

Owns the dialogs that show the keys of a new tenant this once, and the embed code of any; where they
come from is left to ``gui.view_models.tenants``.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from gui.api.errors import ApiError
from gui.api.models import CreatedTenant, Embed, Tenant
from gui.theme.look import Look
from gui.view_models.tenants import TenantStore
from gui.widgets.basics import build_label
from gui.widgets.copying import CopyBlock, CopyField
from gui.widgets.dialogs import PanelDialog

WIDTH_PX = 600


class EmbedCode(PanelDialog):
    """The markup to paste into a shop's pages."""

    def __init__(self, look: Look, parent: QWidget, tenant: Tenant, store: TenantStore) -> None:
        super().__init__(look, parent, build_title(tenant))
        self._tenant = tenant
        self._store = store
        self.setMinimumWidth(WIDTH_PX)
        self.body.addWidget(
            build_label(
                self.tr("Paste this before </body> on every page that should show the assistant."),
                "muted",
                is_wrapped=True,
            )
        )
        self.code = CopyBlock(look, self.tr("Embed code"), button=self.tr("Copy code"))
        self.code.text.setFixedHeight(110)
        self.body.addWidget(self.code)
        self.done_button = self.add_button(self.tr("Done"), self.accept, kind="primary")
        self.done_button.setDefault(True)
        self._load()

    def _load(self) -> None:
        self.banner.hide()
        self.code.text.setPlaceholderText(self.tr("Loading…"))
        self._store.load_embed(
            self._tenant.id, owner=self, on_success=self._on_embed, on_error=self._on_error
        )

    def _on_embed(self, embed: Embed) -> None:
        self.code.show_value(embed.snippet)

    def _on_error(self, error: ApiError) -> None:
        self.code.text.setPlaceholderText("")
        self.banner.show_error(error, on_retry=self._load)


class NewTenantKeys(EmbedCode):
    """The two keys of a new tenant, shown this once, and its embed code."""

    def __init__(
        self, look: Look, parent: QWidget, tenant: CreatedTenant, store: TenantStore
    ) -> None:
        super().__init__(look, parent, tenant, store)
        self.banner_once = build_label(
            self.tr(
                "Keep the signing secret now: it is shown only this once. The publishable key is"
                " part of the embed code."
            ),
            is_wrapped=True,
        )
        self.api_key = CopyField(look, self.tr("Publishable key"))
        self.api_key.show_value(tenant.api_key)
        self.signing_secret = CopyField(look, self.tr("Signing secret"))
        self.signing_secret.show_value(tenant.signing_secret)
        for place, widget in enumerate((self.banner_once, self.api_key, self.signing_secret)):
            self.body.insertWidget(place, widget)

    def reject(self) -> None:
        """Close by the button only: Escape must not lose what is shown once."""


def build_title(tenant: Tenant) -> str:
    """Build the dialogs' title from the tenant's name."""
    if isinstance(tenant, CreatedTenant):
        return QCoreApplication.translate("EmbedCode", "{0} is ready").format(tenant.name)
    return QCoreApplication.translate("EmbedCode", "Embed code of {0}").format(tenant.name)
