"""Reading CSV files as spreadsheets write them: their letters, their separator, their lines.

Owns how bytes become cells; what the cells mean is left to ``csv_values`` and ``table_import``.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from appliance.errors import FieldError, InvalidInput

Encoding = Literal["utf-8", "windows-1255", "windows-1252"]
Delimiter = Literal["comma", "semicolon", "tab"]

_DELIMITERS: Final[dict[Delimiter, str]] = {"comma": ",", "semicolon": ";", "tab": "\t"}
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')
_MAX_CELL: Final = 100_000


class CsvRow(Struct, frozen=True):
    """A row of a file, and the line on which it begins, counted from 1."""

    line: int
    cells: list[str]


class CsvFile(Struct, frozen=True):
    """The text of a file, without the mark at its start, and what separates its cells."""

    text: str
    delimiter: Delimiter
    first_line: int = 1

    def read(self) -> Iterator[CsvRow]:
        """Yield the rows that have anything in them, the header first.

        Raises:
            InvalidInput: A quote is never closed, or a cell is far too long; names the line.
        """
        csv.field_size_limit(_MAX_CELL)
        reader = csv.reader(
            io.StringIO(self.text, newline=""), delimiter=_DELIMITERS[self.delimiter], strict=True
        )
        line = 1
        try:
            for cells in reader:
                if any(cells):
                    yield CsvRow(line + self.first_line - 1, cells)
                line = reader.line_num + 1
        except csv.Error as error:
            raise refuse_line(line + self.first_line - 1, _explain(error)) from error


def open_csv(
    content: bytes, *, encoding: Encoding = "utf-8", delimiter: Delimiter | None = None
) -> CsvFile:
    """Return a file as text and find out what separates its cells.

    The marks of UTF-8 and UTF-16 and Excel's ``sep=;`` line win over what is declared.

    Args:
        content: The bytes of the file.
        encoding: How its letters are written, where no mark tells it.
        delimiter: What separates cells; by default what the first line has most of.

    Raises:
        InvalidInput: The bytes are not of this encoding; names the line.
    """
    text = _decode(content, encoding)
    told = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    if told:
        named = [name for name, sign in _DELIMITERS.items() if sign == told[1]]
        return CsvFile(text[told.end() :], named[0] if named else "comma", 2)
    return CsvFile(text, delimiter or _guess_delimiter(text))


def refuse_line(line: int, message: str) -> InvalidInput:
    """Return the refusal of a file that cannot be read beyond ``line``."""
    return InvalidInput(
        "The file cannot be read.", errors=[FieldError(f"line {line}", message)], code="csv_broken"
    )


def _decode(content: bytes, encoding: Encoding) -> str:
    name: str = encoding
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        name = "utf-16"
    elif content.startswith(codecs.BOM_UTF8):
        name = "utf-8-sig"
    try:
        text = content.decode(name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refuse_line(
            line,
            f"There are bytes that are not {name}. Save the file as 'CSV UTF-8', or say that its "
            "encoding is windows-1255 (Hebrew) or windows-1252 (Western Europe).",
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise refuse_line(line, "There is a zero byte: this is no text file.")
    return text


def _guess_delimiter(text: str) -> Delimiter:
    """Return what the header has most of outside quotes; a header of one column has none."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    plain = _QUOTED.sub("", first)
    return max(_DELIMITERS, key=lambda name: plain.count(_DELIMITERS[name]))


def _explain(error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"A cell is longer than {_MAX_CELL} characters."
    return "A quotation mark is not closed, or text follows a closed one."
