"""Which files belong to a case, where do they stay, and which references are kept by nobody?

A file is never here: only its reference, its digest and whose word that is. A reference is opened by people who trust
what they see, so it is one of few schemes, leads into no private network and carries no secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from streams.contracts.accounts import Attachment, Support
from streams.contracts.cases import AttachmentRecorded
from streams.core.addresses import address_of
from streams.core.cases.book import add_line
from streams.core.intake.masking import masked
from streams.core.obligations import Case, Line
from streams.core.personal import kind_of
from streams.core.turn import Turn

MOST: Final = 50  # of one case
CUSTOMER: Final = "customer"
REFUSED: Final = "attachment.refused"  # line of a case
_COUNTER: Final = "attachments"
_TWICE: Final = "twice"
_STORES: Final = frozenset({"s3", "gs", "upload"})  # of objects: the rest of the reference is a bucket and a key
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:/@!$&'()*+,;=%\[\]-]+")
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_MEDIA: Final = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]*")
# What shows or plays and does nothing else. Markup, archives and macros are not among them.
MEDIA_TYPES: Final = frozenset(
    [
        *(f"image/{each}" for each in ("png", "jpeg", "gif", "webp", "heic", "heif", "tiff", "bmp")),
        *(f"audio/{each}" for each in ("mpeg", "mp4", "aac", "ogg", "wav", "x-wav", "amr")),
        *(f"video/{each}" for each in ("mp4", "quicktime", "webm", "3gpp")),
        *("application/pdf", "text/plain", "text/csv"),
        *(
            f"application/vnd.openxmlformats-officedocument.{each}"
            for each in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
        ),
    ]
)
# Of which kind a file is by the end of its name; a type beside it that is none of these does not fit.
_NAMED: Final[Mapping[str, frozenset[str]]] = {
    "png": frozenset({"image/png"}),
    "jpg": frozenset({"image/jpeg"}),
    "jpeg": frozenset({"image/jpeg"}),
    "gif": frozenset({"image/gif"}),
    "webp": frozenset({"image/webp"}),
    "heic": frozenset({"image/heic", "image/heif"}),
    "heif": frozenset({"image/heic", "image/heif"}),
    "tif": frozenset({"image/tiff"}),
    "tiff": frozenset({"image/tiff"}),
    "bmp": frozenset({"image/bmp"}),
    "mp3": frozenset({"audio/mpeg"}),
    "m4a": frozenset({"audio/mp4", "audio/aac"}),
    "aac": frozenset({"audio/aac"}),
    "ogg": frozenset({"audio/ogg"}),
    "wav": frozenset({"audio/wav", "audio/x-wav"}),
    "amr": frozenset({"audio/amr"}),
    "mp4": frozenset({"video/mp4", "audio/mp4"}),
    "mov": frozenset({"video/quicktime"}),
    "webm": frozenset({"video/webm"}),
    "3gp": frozenset({"video/3gpp"}),
    "pdf": frozenset({"application/pdf"}),
    "txt": frozenset({"text/plain"}),
    "csv": frozenset({"text/csv", "text/plain"}),
    "docx": frozenset({"application/vnd.openxmlformats-officedocument.wordprocessingml.document"}),
    "xlsx": frozenset({"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}),
    "pptx": frozenset({"application/vnd.openxmlformats-officedocument.presentationml.presentation"}),
}
# Ends of names that a computer runs, unpacks or shows as a page, whatever type is said beside them.
_ACTIVE: Final = frozenset(
    (
        *("exe", "com", "scr", "msi", "dll", "bat", "cmd", "ps1", "vbs", "vbe", "wsf", "hta", "lnk", "jar", "apk"),
        *("dmg", "pkg", "app", "deb", "rpm", "sh", "py", "js", "mjs", "jse", "html", "htm", "xhtml", "mht", "svg"),
        *("xml", "zip", "rar", "7z", "gz", "tar", "iso", "img", "doc", "xls", "ppt", "docm", "xlsm", "pptm", "rtf"),
    )
)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})  # categories of what changes how the rest is read
_MARK: Final = 4  # bytes of a mark by which a case knows a file or a reference again
LARGEST_BYTES: Final = 50 * 1024 * 1024
_HARMLESS: Final = "code"  # a number beside the word, as file names have it
_INSIDE: Final = (
    ".localhost",
    ".local",
    ".internal",
    ".intranet",
    ".lan",
    ".home.arpa",
    ".corp",
    ".private",
    ".svc",
    ".home",
)
# The last label of a name that a browser takes for a number, and so for an address: 127.1, 0x7f000001, 2130706433.
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class NotKept(NamedTuple):
    """Why a file is not kept: a word for it, and a sentence of where it is wrong, what, and what to do."""

    word: str
    text: str


NOT_KEPT: Final = {
    each.word: each
    for each in (
        NotKept(
            "characters",
            "reference: it has blanks, a query or characters that belong in no address, and a signed address is a key; "
            "give the plain address of the file",
        ),
        NotKept(
            "personal",
            "reference: it holds a telephone, card or identity number or an e-mail address; rename the file where it "
            "lies and attach it under its new name",
        ),
        NotKept(
            "unseen",
            "reference: characters that nobody sees change how the name of the file is read; rename it where it lies "
            "and attach it under its new name",
        ),
        NotKept(
            "active",
            "reference: a file with such an ending can do something when it is opened; attach a picture, PDF, text, "
            "table, sound or film of it",
        ),
        NotKept("media_type", "media type: this is none; give one such as image/png"),
        NotKept(
            "media_kind",
            "media type: files of this kind can do something when they are opened; attach a picture, PDF, text, table, "
            "sound or film of it",
        ),
        NotKept("size", f"size: more than {LARGEST_BYTES >> 20} MiB; attach a smaller copy, or the part that matters"),
        NotKept("address", "reference: this is no address; give scheme://host/path of the file, or its key"),
        NotKept("bucket", "reference: it names no bucket and key; give for example s3://evidence/receipt.png"),
        NotKept(
            "scheme",
            f"reference: it begins with none of https, {', '.join(sorted(_STORES))}; put the file into a store and "
            "give its address there",
        ),
        NotKept("user", "reference: it names a user; give the address without one"),
        NotKept(
            "inside",
            "reference: it leads into a private network or to no host; put the file where everybody who works on the "
            "case may open it",
        ),
    )
}


def refusal_of(attachment: Attachment) -> NotKept | None:
    """Why this is not kept; None if it is. Never repeats the reference."""
    word = _why_not(attachment)
    return None if word is None else NOT_KEPT[word]


def _why_not(attachment: Attachment) -> str | None:
    reference = attachment.reference
    if _PLAIN.fullmatch(reference) is None:
        return "characters"
    if any(unicodedata.category(each) in _UNSEEN for each in unquote(reference)):
        return "unseen"
    if _is_personal(reference):
        return "personal"
    if any(last in _ACTIVE for last in _endings(reference)[-1:]):
        return "active"
    if attachment.media_type is not None:
        if _MEDIA.fullmatch(attachment.media_type) is None:
            return "media_type"
        if attachment.media_type not in MEDIA_TYPES:
            return "media_kind"
    if attachment.size_bytes is not None and attachment.size_bytes > LARGEST_BYTES:
        return "size"
    return _refusal_of_address(reference)


def _is_personal(reference: str) -> bool:
    """Whether somebody's number or address stands in it, however it is written there."""
    written = unquote(reference)
    return kind_of(written) is not None or any(kind != _HARMLESS for kind in masked(written).kinds)


def _endings(reference: str) -> list[str]:
    """What follows the points in the name of a file, in small letters: `a.PDF.exe` has two."""
    scheme, _, rest = unquote(reference).rpartition("://")
    path = rest.partition("/")[2] if scheme else rest  # a host ends like a name of a file
    name = path.rstrip("/. ").rpartition("/")[2]
    return [each.lower() for each in name.split(".")[1:]]


def doubt_of(reference: str, media_type: str | None) -> str | None:
    """Why a file may be another than it seems: `type` does not fit its name, or the name has `endings` of two kinds."""
    *before, last = _endings(reference) or [""]
    if media_type is not None and last in _NAMED and media_type not in _NAMED[last]:
        return "type"
    return "endings" if any(each in _ACTIVE or (each in _NAMED and each != last) for each in before) else None


def host_of(reference: str) -> str | None:
    """The host that a browser would ask; None if the reference is none that browsers open."""
    parts = urlsplit(reference)
    return parts.hostname if parts.scheme == "https" else None


def refusal(case: Case, attachment: Attachment | None) -> tuple[str, str] | None:
    """(cause, sentence) if an operator must not attach this."""
    if attachment is None:
        return "no_attachment", "nothing is attached"
    why = refusal_of(attachment)
    if why is not None:
        return "attachment", why.text
    if any(mark in _known(case) for mark in _marks(attachment)):
        return _TWICE, "reference: the case has this file, or another one under this reference; open it there"
    if case.counters.get(_COUNTER, 0) >= MOST:
        return "too_many", f"a case has {MOST} attachments at most"
    return None


def _marks(attachment: Attachment) -> tuple[bytes, bytes]:
    """Of the file and of where it lies: short, because an account has many cases."""
    said = (f"file\x1f{attachment.sha256}", f"place\x1f{attachment.reference}")
    file, place = (blake2b(each.encode(), digest_size=_MARK).digest() for each in said)
    return file, place


def _known(case: Case) -> frozenset[bytes]:
    return frozenset(case.files[at : at + _MARK] for at in range(0, len(case.files), _MARK))


def keep(turn: Turn, case: Case, attachment: Attachment, actor: str, role: str) -> None:
    """Records the attachment of a case."""
    case.files += b"".join(_marks(attachment))
    count = case.counters.get(_COUNTER, 0)
    if count or len(case.counters) < 8:
        case.counters[_COUNTER] = count + 1
    turn.change(case, f"attachment {attachment.sha256[:12]}")
    turn.effects.append(
        AttachmentRecorded(
            occurred_at=turn.at,
            event_id=turn.cause,
            account_id=turn.ctx.account_id,
            case_id=case.case_id,
            reference=attachment.reference,
            sha256=attachment.sha256,
            kind=attachment.kind,
            media_type=attachment.media_type,
            size_bytes=attachment.size_bytes,
            actor=actor,
            role=role,
        )
    )


def of_customer(turn: Turn, event: Support) -> None:
    """Records what came with a message on the cases that the message stands on."""
    if turn.late:
        return
    for case in tuple(turn.obligations.cases):
        if not any(line.event_id == turn.cause for line in case.lines):
            continue
        for attachment in event.attachments:
            refused = refusal(case, attachment)
            if refused is None:
                keep(turn, case, attachment, CUSTOMER, CUSTOMER)
            elif refused[0] != _TWICE:  # sent once more is no news
                add_line(turn, case, Line(turn.at_ms, REFUSED, turn.cause, refused[1][:200]))


def told(attachment: Attachment) -> str:
    """What a line says of it: never where it is."""
    size = "" if attachment.size_bytes is None else f" {attachment.size_bytes} bytes"
    return f"{attachment.kind} {attachment.media_type or ''}{size} sha256 {attachment.sha256[:12]}"


def _refusal_of_address(reference: str) -> str | None:
    """The word for why not."""
    if _KEY.fullmatch(reference) is not None and ".." not in reference:
        return None  # a key in the store that the app uploads to; no browser opens it
    try:
        parts = urlsplit(reference)
        host, has_user = parts.hostname or "", parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        return "address"
    if parts.scheme in _STORES:
        is_whole = bool(parts.netloc) and bool(parts.path.strip("/")) and ".." not in parts.path.split("/")
        return None if is_whole and not has_user else "bucket"
    if parts.scheme != "https":
        return "scheme"
    if has_user:
        return "user"
    return None if _is_public(host.rstrip(".")) else "inside"


def _is_public(host: str) -> bool:
    """Whether a name may lead outside. What it leads to is looked at again when it is opened."""
    try:
        address = address_of(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return "." in host and _NUMBER.fullmatch(last) is None and not f".{host.lower()}".endswith(_INSIDE)
    return address.is_global and not address.is_multicast
