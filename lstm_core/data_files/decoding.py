"""Bytes to text: which encoding a file has, and whether it is text at all."""

import re
import unicodedata

from lstm_core.data_files.datafile import DataError

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""Byte order marks, the longer ones first."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_BYTES = bytes([*range(9), *range(14, 32), 127])
_HIGH = re.compile(rb"[\x80-\xff]+")


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    r"""The text in `data`, its line ends as ``\n``, and the encoding it was read in.

    Raises:
        DataError: ``"wrong-encoding"`` if the chosen encoding does not fit, ``"binary"`` if the
            bytes are no text in any of ours.
    """
    name = encoding or recognise(data)
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        raise DataError(
            "wrong-encoding",
            f"the file is no {name}: byte {error.start} does not fit",
            encoding=name,
            position=error.start,
        ) from error
    plain = text.encode() if name.startswith(("utf-16", "utf-32")) else data
    # Counting bytes is far quicker than searching a long text in which nothing is found.
    control = _CONTROL.search(text) if len(plain.translate(None, _BYTES)) < len(plain) else None
    if control:
        raise DataError(
            "binary",
            f"the file is no text: character {control.start()} is {ord(control.group()):#04x}",
            position=control.start(),
        )
    return text.replace("\r\n", "\n").replace("\r", "\n"), name


def recognise(data: bytes) -> str:
    """The most likely encoding of `data`, one of `datafile.ENCODINGS`."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if marked:
        return marked
    if b"\0" in data[: 2**16]:
        return _wide(data)
    chinese = _in_pairs(data) and _fits(data, "gb18030")
    if _fits(data, "utf-8") and not (chinese and _is_by_chance(data)):
        return "utf-8"
    if chinese:
        return "gb18030"
    return "cp1252" if re.search(rb"[\x80-\x9f]", data) and _fits(data, "cp1252") else "latin-1"


def _fits(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_by_chance(data: bytes) -> bool:
    """Whether a few Chinese characters happen to be UTF-8: as marks on no letter, or as nothing."""
    before = ""
    for char in data.decode("utf-8")[: 2**16]:
        kind = unicodedata.category(char)
        if ord(char) >= 0x800:
            return False
        if kind == "Cn" or (kind == "Mn" and unicodedata.category(before or " ")[0] not in "LM"):
            return True
        before = char
    return False


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: of the two byte orders, the one that gives more plain letters."""
    start = data[: 2**16]
    plain = {
        order: sum(char.isascii() for char in start.decode(order, errors="replace"))
        for order in ("utf-16-le", "utf-16-be")
    }
    return max(plain, key=plain.__getitem__)


def _in_pairs(data: bytes) -> bool:
    """Whether bytes above 127 stand in pairs that are common Chinese characters or signs.

    Two accented letters of Latin-1 side by side make a rare character: their bytes are higher.
    """
    runs = _HIGH.findall(data[: 2**20])
    pairs = [lead for run in runs if len(run) % 2 == 0 for lead in run[::2]]
    common = sum(0xA1 <= lead <= 0xA9 or 0xB0 <= lead <= 0xD7 for lead in pairs)
    return 4 * common > sum(map(len, runs))
