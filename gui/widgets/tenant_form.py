"""The dialog that asks for a tenant's facts.

Owns fields and showing what is wrong beside them; the rules are left to
``gui.view_models.tenant_form``, sending to the page that opened it.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QTimeZone, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from gui.api.errors import ApiError, Refused, TimedOut
from gui.api.models import Tenant
from gui.theme.look import Look
from gui.view_models.tenant_form import LANGUAGES, TenantDraft, check_draft, suggest_origins
from gui.widgets.basics import build_label, set_property
from gui.widgets.dialogs import PanelDialog

WIDTH_PX = 520


class TenantForm(PanelDialog):
    """Adds a tenant, or edits one; ``submitted`` carries the checked body once per attempt."""

    submitted = Signal(dict)

    def __init__(self, look: Look, parent: QWidget, tenant: Tenant | None = None) -> None:
        translate = QCoreApplication.translate
        new, known = translate("TenantForm", "Add a tenant"), translate("TenantForm", "Edit tenant")
        super().__init__(look, parent, new if tenant is None else known)
        self._is_new = tenant is None
        self.setMinimumWidth(WIDTH_PX)
        self.name = QLineEdit()
        self.domain = QLineEdit(placeholderText="shop.example")
        self.origins = QPlainTextEdit(placeholderText="https://shop.example")
        self.origins.setTabChangesFocus(True)
        self.origins.setFixedHeight(78)
        self.language = QComboBox()
        for code, language in LANGUAGES:
            self.language.addItem(language, code)
        self.time_zone = build_time_zone_box()
        self._errors: dict[str, QLabel] = {}
        self._suggested = ""
        self._build_rows()
        self.add_button(self.tr("Cancel"), self.reject)
        self._submit_words = self.tr("Add tenant") if self._is_new else self.tr("Save")
        self.submit_button = self.add_button(self._submit_words, self.submit, kind="primary")
        self.submit_button.setDefault(True)
        self._fill(tenant)
        self.domain.textEdited.connect(self._on_domain_edited)

    @property
    def is_busy(self) -> bool:
        """Whether an attempt waits for its answer."""
        return not self.submit_button.isEnabled()

    def submit(self) -> None:
        """Check what is typed and send it on, unless an attempt is under way."""
        if self.is_busy:
            return
        checked = check_draft(self.build_draft())
        self._show_errors(checked.errors)
        if checked.errors:
            return
        self.banner.hide()
        self._set_busy(is_busy=True)
        self.submitted.emit(checked.body)

    def build_draft(self) -> TenantDraft:
        """Collect what is typed."""
        return TenantDraft(
            name=self.name.text(),
            domain=self.domain.text(),
            origins_text=self.origins.toPlainText(),
            language=str(self.language.currentData() or "en"),
            time_zone=self.time_zone.currentText(),
        )

    def show_failure(self, error: ApiError) -> None:
        """Show why the attempt failed: beside the fields it names, else above them."""
        self._set_busy(is_busy=False)
        fields = error.fields if isinstance(error, Refused) else {}
        known = {name: text for name, text in fields.items() if name in self._errors}
        self._show_errors(known)
        if known and len(known) == len(fields):
            self.banner.hide()
            return
        hint = ""
        if self._is_new and isinstance(error, TimedOut):
            hint = self.tr("It may have been added all the same: look at the list first.")
        self.banner.show_error(error, hint=hint)

    def _build_rows(self) -> None:
        rows: list[tuple[str, str, QWidget, str]] = [
            ("name", self.tr("Name"), self.name, ""),
            ("domain", self.tr("Domain"), self.domain, ""),
            (
                "allowed_origins",
                self.tr("Allowed origins"),
                self.origins,
                self.tr("Pages that may show the widget, one address a line."),
            ),
            ("language", self.tr("Language"), self.language, ""),
            ("time_zone", self.tr("Time zone"), self.time_zone, ""),
        ]
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignTop)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for key, label, field, hint in rows:
            field.setAccessibleName(label)
            caption = build_label(label, "fieldLabel")
            caption.setContentsMargins(0, 8, 0, 0)
            caption.setBuddy(field)
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addWidget(field)
            if hint:
                column.addWidget(build_label(hint, "fieldHint", is_wrapped=True))
            error = build_label("", "fieldError", is_wrapped=True)
            error.hide()
            column.addWidget(error)
            self._errors[key] = error
            form.addRow(caption, column)
        self.body.addLayout(form)

    def _fill(self, tenant: Tenant | None) -> None:
        here = bytes(QTimeZone.systemTimeZoneId().data()).decode("ascii", errors="replace")
        here = "UTC" if here in {"", "Etc/UTC"} else here
        draft = TenantDraft(time_zone=here) if tenant is None else TenantDraft.from_tenant(tenant)
        self.name.setText(draft.name)
        self.domain.setText(draft.domain)
        self.origins.setPlainText(draft.origins_text)
        if self.language.findData(draft.language) < 0:
            self.language.addItem(draft.language, draft.language)
        self.language.setCurrentIndex(self.language.findData(draft.language))
        self.time_zone.setCurrentText(draft.time_zone)
        self.name.setFocus()

    def _on_domain_edited(self, domain: str) -> None:
        if self.origins.toPlainText() == self._suggested:
            self._suggested = suggest_origins(domain)
            self.origins.setPlainText(self._suggested)

    def _show_errors(self, errors: dict[str, str]) -> None:
        fields: dict[str, QWidget] = {
            "name": self.name,
            "domain": self.domain,
            "allowed_origins": self.origins,
            "language": self.language,
            "time_zone": self.time_zone,
        }
        for key, label in self._errors.items():
            label.setText(errors.get(key, ""))
            label.setVisible(key in errors)
            field = fields[key]
            set_property(field, "invalid", "true" if key in errors else "false")
            field.setAccessibleDescription(errors.get(key, ""))
        if errors:
            first = fields[next(key for key in self._errors if key in errors)]
            first.setFocus()

    def _set_busy(self, *, is_busy: bool) -> None:
        self.submit_button.setEnabled(not is_busy)
        words = self.tr("Adding…") if self._is_new else self.tr("Saving…")
        self.submit_button.setText(words if is_busy else self._submit_words)


def build_time_zone_box() -> QComboBox:
    """Build a box with all time zones that finds them by any part of their name."""
    zones = sorted(bytes(zone.data()).decode("ascii") for zone in QTimeZone.availableTimeZoneIds())
    box = QComboBox(editable=True)
    box.addItems([zone for zone in zones if "/" in zone or zone == "UTC"])
    completer = QCompleter(box.model(), box)
    completer.setFilterMode(Qt.MatchFlag.MatchContains)
    completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    box.setCompleter(completer)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    box.setMaxVisibleItems(12)
    return box
