"""What does PayWarden owe one account: locks to confirm, cases to work, money to find, answers to wait for?

Everything that waits carries its own due time, so there is no list of timers that could disagree with it. Every list
is capped below, in number and where ids from outside repeat in bytes; the arithmetic of the caps is at `WORST_BYTES`
and a test with hostile events holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from streams.core.cases.shelf import Ended
from streams.core.declines.retry import Instrument
from streams.core.familiar import find

DAY_MS = 86_400_000

# --- how much is remembered. Ids from outside have at most 128 characters (contracts); the sums below count one byte
# for each, which is what ids are made of.
PAYMENTS_MAX = 64  # x 7 bytes
PAYMENTS_DAYS = 30
FAILURES_MAX = 5  # more than the count that opens a case (policy: repeat_failures.count); x 250
TRIED_MAX = 16  # x 18
HOLDS_MAX = 4  # one more held payment ends the oldest hold by its stated default; x 260
DEBITS_MAX, DEBITS_BYTES = 6, 900  # one more debit has the oldest judged at once; x 90 to 290
LOCKS_MAX = 7  # locks for strangers and known devices, a disabled password, restrict, freeze, limit, step_up; x 150
REASONS_MAX = 6  # of all locks together, for what a lock is held besides its own case; x 71
OUTBOX_MAX = 8  # commands that wait for an acknowledgement; x 200, about a settlement x 260
SOFT_LOCKS_MAX = 8  # x 9
NOTICES_MAX = 16  # x 9
SUSPECTS_MAX = 6  # failures that may turn out to belong to an outage; x 170
MEMBERSHIPS_MAX = 3  # outages that concern this customer; x 100
MEMBER_PAYMENTS_MAX = 6  # of its payments in one of them, for the link of their cases
UNKNOWNS_MAX, UNKNOWNS_BYTES = 6, 900  # one more has the oldest given to people at once; x 100 to 320
POSTS_MAX = 6  # x 20; of one more the two oldest are counted as one
CONTACTS_MAX = 4  # x 9
EXPECTATIONS_MAX, EXPECTATIONS_BYTES = 16, 1_400  # one more hands the one due last to people; x 60 to 450
OWED_MAX, OWED_BYTES = 4, 560  # one more leaves the oldest to accounting, whose case it has; x 110 to 370
SPENT_MAX, SPENT_KEPT = 10, 8  # x 78; as many as are kept of a burst, and of what is older than a duplicate may be
ENTRIES_MAX = 24  # x 6
FINALS_MAX = 8  # x 11
RESERVED_MAX, RESERVED_BYTES = 2, 300  # x 70 to 290; one more forgets the one due first
ARRIVED_MAX = 16  # x 6
LATELY_KEPT = 4  # x 190
LATELY_MAX, LATELY_BYTES = 16, 760  # with those whose debit has not come yet: all that fit
UNDONE_MAX = 16  # x 5; of one more nobody knows that all of it is back
UNPRICED_MAX = 8  # x 6; one more is forgotten silently
FEES_MAX, FEES_BYTES = 6, 240  # x 40, of one that is still to be judged 60 to 160; one more forgets the oldest
BASES_MAX = 5  # x 16
REFUNDED_MAX = 16  # x 9
SHARED_MAX = 8  # x 6
GIVEN_MAX = 10  # x 28
COUNTED_MAX = 24  # x 6
GAVE_MAX = 16  # x 24; of one more the oldest is forgotten
CORRECTIONS_MAX = 10  # x 48; of one more first what has not left makes room, then the oldest
AUTO_REFUNDS_MAX = 8  # x 9
STOPPED_MAX = 16  # x 5
REFUND_MARKS_MAX = 20  # x 8
DOUBTED_MAX = 20  # x 6
CARDED_MAX = 32  # card payments of which the card is remembered
_PAUSED_MAX = 8  # cards of one case
TRAIL_MAX, TRAIL_BYTES = 16, 440  # what happened since a suspicious login; x 80 to 210
CAME_MAX = 14  # who came in, or changed something, and has left the trail; x 64
HOME_TRAIL_BYTES = 440  # ... and since a change on the owner's own device
MOVED_MAX, MOVED_BYTES = 8, 440  # what was moved within `lateness_s`, before anybody is doubted
CASES_MAX = 8
CASES_DAYS = 90  # an account remembers an untouched case for as long as its topic does
CASES_BYTES = 1910  # of all cases together, measured: long timelines lose their oldest lines first, and count them
# 450 + 1,250 + 1,080 + 900 + 1,050 + 2,080 + 150 + 1,910 + 150, instruments 4 x 230, unknowns 900, expectations 1,400,
# reasons 430, owed 560, spent 780, entries 150, arrived 80, lately 760, refunds 220 + 380, ids 110, shelf 750 + 640,
# outages 1,320, trails 3 x 440, fees 240 + 80, undone 80, posts 120, tried 290, refund marks 160, doubted 120, came
# 900, corrections 480, gave 390: 21 KiB if all were full at once with the longest ids, which no stream reaches: the
# test that tries comes to half of it. An account with 64 payments and nothing open takes 0.5 KiB.
WORST_BYTES = 21_640
# Ids that only decorate a case (merchant, device, order) stay out of the state above this length; the event has them.
DECORATION_MAX = 48
TIER_MAX = 16
APP_VERSION_MAX = 32
RIGHT_PASSWORDS_MAX = 4  # logins in an attack that wait for their second factor
EARLY_MAX = 2  # cases of an account that look for the attack they may belong to


_encoded = msgspec.msgpack.Encoder().encode


def crowded(items: Sequence[object], most: int, most_bytes: int) -> bool:
    """Does one of them have to go? A single one stays however long its ids are."""
    return len(items) > most or (len(items) > 1 and len(_encoded(items)) > most_bytes)


class Failure(msgspec.Struct, array_like=True, gc=False):
    """One failed attempt, kept until the window of repeated failures has passed."""

    at_ms: int
    kind: str
    event_id: str
    text: str
    amount_minor: int
    currency: str
    cause: str = ""
    payment: int = 0  # payment_key
    has_case: bool = False  # its customer was told of a case


class Tried(msgspec.Struct, array_like=True, gc=False):
    """A payment that has failed."""

    payment: int  # payment_key
    at_ms: int  # when; or when it was asked for once more
    again: bool = False  # it was asked for since
    told: bool = False  # its customer was told that it failed, and where its money is


class Unknown(msgspec.Struct, array_like=True, gc=False):
    """A payment about which nobody has said a final word."""

    payment_id: str
    entry: str  # event since which it is so
    since_ms: int
    asked_ms: int  # since when the provider is asked; 0: only silence is counted so far
    owed_ms: int  # what comes next: a query, a word to the customer, the end of the schedule
    due_ms: int  # when to look: the same, or later while a feed is behind
    amount_minor: int | None
    currency: str | None
    step: int = 0  # queries sent
    told: bool = False
    missing: bool = False  # the provider's last answer was that it knows no such payment
    marks: bytes = b""  # of the keys of its route, 4 bytes each, until its silence has been told to the incidents
    rounds: int = 0  # last queries repeated because an outage kept the provider from answering


class Owed(msgspec.Struct, array_like=True, gc=False):
    """Money that should go back, and how far its refund is: owed, intended, sent."""

    payment_id: str
    entry: str  # the ledger's line; empty while only a code has told of the debit
    amount_minor: int
    currency: str
    at_ms: int
    family: str  # of its case
    status: str = "owed"
    refund_id: str = ""
    line: int = 0  # `references.line_of` of what is given back, which its refund is named after; 0: nothing booked yet
    not_before_ms: int = 0  # end of its grace, where it was judged before that for want of room
    how: int = (
        0  # of its refund: 15 bits of the method of its payment (`streams.core.money.times`); 0: card, or unknown
    )


class Spent(msgspec.Struct, array_like=True, gc=False):
    """One debit of the ledger, for comparison with the next; below zero: a credit whose debit has not come yet."""

    payment: int  # payment_key; 0: the line belongs to no payment that is known
    entry: int
    order: int
    payee: int
    amount_minor: int
    currency: str
    at_ms: int
    refund: bool = False  # of states of earlier versions: a refund that somebody has approved, no credit of the ledger
    back_minor: int = 0  # how much of a debit has come back already
    line: int = 0  # `references.line_of`
    whole_minor: int = 0  # what the debits of its payment may come to, and those of its order; 0: nobody has said
    order_minor: int = 0
    fee: bool = False  # it is a fee of its payment (flow F46): no part of its price

    @property
    def name(self) -> tuple[int, int]:
        """What tells it from others, as its event and its line."""
        return self.entry, self.line


class Correction(msgspec.Struct, array_like=True, gc=False):
    """A refund of ours: what it gives back its merchant cannot refund as well (rule L12)."""

    payment: int  # payment_key
    currency: str
    refund: int  # 32 bits of its id
    amount_minor: int
    charged_minor: int  # what the ledger has debited for its payment
    has_left: bool = False
    said_ms: int = 0  # when that was last true


class Gave(msgspec.Struct, array_like=True, gc=False):
    """A refund of ours that was not cancelled: what one may give back alone is meant of all of a payment's."""

    payment: int  # payment_key
    refund: int  # 48 bits of its id
    amount_minor: int
    currency: str


class Captured(msgspec.Struct, array_like=True, gc=False):
    """What the captures of a payment come to that one source has told of: another one may tell of the same."""

    source: int  # 16 bits
    minor: int
    last: int  # 32 bits of the event that told of the last of them


class Lately(msgspec.Struct, array_like=True, gc=False):
    """What a payment of the last minutes is about: for ledger lines that do not name it."""

    payment_id: str
    order: int
    payee: int
    amount_minor: int
    order_minor: int | None
    currency: str
    at_ms: int
    repeat_ok: bool
    good_minor: int = 0  # what its last capture or success said; 0: there was none
    how: int = 0  # 16 bits: whether it is a transfer, and by which method (`streams.core.money.times.how_of`)
    asked_minor: int = 0  # what was asked for, where it is good with less than that; 0: of all others
    captures: list[Captured] = []  # of each source that has told of any


class Fee(msgspec.Struct, array_like=True, gc=False):
    """A fee that somebody has told of, for the line of the ledger that it is, and for its judgement if that waits."""

    payment: int  # payment_key of what it was taken for
    name: int  # 48 bits of its source and its own id
    amount_minor: int
    currency: str
    at_ms: int
    line: int = 0  # `references.line_of` of the ledger's line that is it; 0: none so far
    excess_minor: int = 0  # so much of it goes back by F46
    tariff: str = ""  # what it is judged by, while it waits for what it was taken on or for its booking; else empty
    fee_id: str = ""  # this one and the next are kept for as long as it waits, up to DECORATION_MAX
    entry: str = ""
    above_minor: int = 0  # so much of it is above its tariff, while it waits for the ledger to book it
    inside: bool = False  # it was taken to be a part of its payment's debit, because it had no line of its own in time


class Expectation(msgspec.Struct, array_like=True, gc=False):
    """Something that was promised: a row of `streams.core.money.expectations.PROMISES` for one movement."""

    kind: str
    subject: str  # refund id; empty: the payment itself
    payment_id: str
    entry: str  # event that began it
    since_ms: int
    owed_ms: int  # when it should have arrived
    due_ms: int  # when to look: a reminder, the end, or later while a feed is behind
    amount_minor: int
    currency: str
    stage: int = 0  # 1: the reminder is behind us; 2: it has failed, and its money should come back
    taken: bool = False  # money has left the customer for it
    alike: str = ""  # a refund of the same amount that a credit was taken to be
    merchant_id: str = ""  # who has promised it, up to DECORATION_MAX


class Hold(msgspec.Struct, array_like=True, gc=False):
    """A payment that waits for an answer, and what it becomes without one."""

    payment_id: str
    decision_id: str
    outcome: str  # hold, step_up
    due_ms: int
    otherwise: str  # the stated default
    case_id: str
    amount_minor: int | None = None
    currency: str | None = None
    since_ms: int = 0  # when the payment was asked for
    device: int = 0  # 48 bits of the device that asked; 0: it named none
    known_ms: int = 0  # since when the account knew that device; 0: it did not


class Debit(msgspec.Struct, array_like=True, gc=False):
    """Money that left the customer although the payment is not known to be good."""

    payment_id: str
    entry: str  # event that told of it
    at_ms: int
    owed_ms: int  # end of the grace
    due_ms: int  # when to look: the same, or later while a feed is behind
    amount_minor: int
    currency: str
    posted: bool = True  # the ledger says so; False: so far a code alone
    orphan: bool = False  # no event has told of its payment (rule L2); the payment id is empty where the line has none
    back_minor: int = 0  # how much of it the ledger has given back so far
    again: bool = False  # not the first debit of its payment
    contradicted: bool = False  # its payment was good and has failed since: `entry` is the failure's event
    line: int = 0  # `references.line_of`
    undone: bool = False  # said to be reversed: due is when the ledger should have given it back
    tells: str = ""  # why its transfer failed, where the customer hears that the money is back


class Reserved(msgspec.Struct, array_like=True, gc=False):
    """Money that the ledger holds for a payment and has not moved."""

    payment_id: str  # empty: nobody has told of its payment yet
    entry: str  # event that told of it
    order: int
    at_ms: int
    owed_ms: int  # when it should be released
    due_ms: int  # when to look: the same, or later while the ledger is behind
    amount_minor: int
    currency: str
    over: bool = False  # its payment has failed or was reversed


class Reason(msgspec.Struct, array_like=True, gc=False):
    """For what a lock is held: which case asked for it, since when, until when."""

    case_id: str  # empty: a rule that opens no case
    reason_class: str
    since_ms: int
    due_ms: int  # 0: it has no end of its own
    prolonged: int = 0  # how often it went on because nobody had reviewed its case
    by_person: bool = False  # an analyst decided so, no rule


class HeldLock(msgspec.Struct, array_like=True, gc=False):
    """One lock; `status` is a state of `streams.core.locks.transitions`.

    An account has one lock of an action, scope and kind of device, because the payment system has one. Where several
    cases ask for it, it is held for all of them: the fields of the lock are those of the reason that ends last, `also`
    has the others, and what ends one reason leaves the others standing.
    """

    action_id: str
    action: str
    scope: str
    applies_to: str
    status: str
    reason_class: str
    since_ms: int
    due_ms: int  # when it expires by itself; 0: it does not
    case_id: str
    proved_ms: int = 0  # of a freeze: when the owner last passed the identity check that its end needs
    prolonged: int = 0  # how often it went on because nobody had reviewed its case
    tells: str = ""  # once it is lifted: the message that waits until the payment system has released it
    also: list[Reason] = msgspec.field(default_factory=list)
    by_person: bool = False

    @property
    def reasons(self) -> list[Reason]:
        """For what it is held, first what ends last."""
        own = (self.case_id, self.reason_class, self.since_ms, self.due_ms, self.prolonged, self.by_person)
        return [Reason(*own), *self.also]

    @property
    def looks_ms(self) -> int:
        """When the first of its reasons ends by itself; 0: none does."""
        if not self.also:
            return self.due_ms
        return min((reason.due_ms for reason in self.reasons if reason.due_ms), default=0)

    def hold_for(self, reasons: list[Reason]) -> None:
        """Holds it for these, at least one, and for no others; the one that ends last is its own."""
        first, *self.also = sorted(reasons, key=lambda reason: (reason.due_ms != 0, -reason.due_ms))
        self.case_id, self.reason_class, self.prolonged = first.case_id, first.reason_class, first.prolonged
        self.since_ms, self.due_ms, self.by_person = first.since_ms, first.due_ms, first.by_person

    def is_for(self, case_id: str) -> bool:
        """Whether this case asked for it."""
        return any(reason.case_id == case_id for reason in self.reasons)


class Command(msgspec.Struct, array_like=True, gc=False):
    """A command that was sent and not yet acknowledged."""

    action_id: str
    action: str
    scope: str
    applies_to: str
    reason_class: str
    rule: str
    case_id: str
    expires_ms: int  # 0: never
    first_ms: int
    due_ms: int  # when it is sent again
    attempt: int
    overdue: bool  # its P1 case is open
    lock: str  # action id of the lock that this command makes or lifts; empty: an errand without a lock
    refused: bool = False  # the payment system has said no at least once
    entity: str = ""  # kind/value of whom it is about, if that is not the account
    amount_minor: int = 0
    currency: str = ""


class Line(msgspec.Struct, array_like=True, gc=False):
    """One line of a case's timeline."""

    at_ms: int
    kind: str
    event_id: str
    text: str
    amount_minor: int | None = None
    currency: str | None = None


class Retries(msgspec.Struct, array_like=True, gc=False):
    """How a refund is tried again that its merchant had no funds for (`streams.core.money.refund_retries`)."""

    every_s: int
    left: int  # so often it may be sent still
    until_ms: int  # from then on it is tried no more
    failed_ms: int
    owed_ms: int  # when it is tried next ...
    due_ms: int  # ... and when to look, which is later while a feed is behind; 0: it is not tried
    sent_ms: int = 0  # 0: never
    attempt: int = 0  # number of the last try
    answered: bool = True  # somebody has said what became of that
    refund_id: str = ""  # of a refund of ours; empty: the one of the case


class Told(msgspec.Struct, array_like=True, gc=False):
    """What one of our people was told about a case (`streams.core.flows.contacts`)."""

    payee_id: str = ""
    happened_ms: int = 0  # 0: nobody has said when it was


class Case(msgspec.Struct, array_like=True, gc=False):
    """A case as the account remembers it; `streams.core.cases.book` makes versions of it."""

    case_id: str
    case_type: str
    flow: str
    family: str
    queue: str
    priority: int  # 1 .. 4
    payment_id: str
    by_payment: bool  # joined by family and payment (money), else by family alone: one per account
    opened_ms: int  # event time of the cause; for a timer its due time
    detected_ms: int
    updated_ms: int
    clock_ms: int  # since when it has this priority: deadlines count from here
    version: int = 0
    status: str = "classified"
    finding: str = "unset"
    shadow: bool = False
    merchant_id: str = ""
    device_id: str = ""
    order_id: str = ""
    amount_minor: int | None = None
    currency: str | None = None
    money_state: str = ""
    channel: str = ""
    assignee: str = ""
    resolution: str = ""
    template: str = ""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    rules: list[str] = msgspec.field(default_factory=list)
    reasons: list[str] = msgspec.field(default_factory=list)
    actions: list[str] = msgspec.field(default_factory=list)
    counters: dict[str, int] = msgspec.field(default_factory=dict)
    lines: list[Line] = msgspec.field(default_factory=list)
    dropped: int = 0
    stopped_told_ms: int = 0  # when the customer was last told that a payment was stopped
    incident_id: str = ""  # the case about many accounts that this one is a part of
    asked_ms: int = 0  # when the customer was last asked about a payment, a login or what somebody said
    unasked: int = 0  # questionable payments since then, which the next question covers
    cause: str = ""  # unified cause; of several the most frequent one
    codes: list[str] = msgspec.field(default_factory=list)
    sessions_ended_ms: int = 0  # when the account's sessions were last ended because of this case
    sure: int = 1000  # thousandths: rules on events are exact, what a text means is a guess
    # Of the dialogue with its customer (`streams.core.cases.dialogue`):
    talk: int = 0  # what it waits for
    talk_ms: int = 0  # since when
    talk_due_ms: int = 0  # when to look again; 0: it waits for nothing
    reminders: int = 0
    reopens: int = 0  # by the customer's word
    surveyed: bool = False  # its customer was asked for a rating, or is not to be
    csat: int = 0  # 1 .. 5; 0: not rated
    # Of its clocks (`streams.core.cases.clocks`), which count from clock_ms:
    due_ms: int = 0  # when one of them strikes next; 0: none runs
    told_ms: int = 0  # when the customer last heard from us about this; 0: never since the clocks began
    waiting_ms: int = 0  # since when it waits for the customer; 0: it does not
    paused_ms: int = 0  # how long it has waited before, as its clocks count time
    marks: int = 0  # what has struck already, packed
    promised: int = 0  # the priority whose promises hold, where a missed one has raised the case since; 0: its own
    updates: int = 0  # messages that only said that work goes on
    known: int = 0  # its last version that says more than that time has passed; 0: the last one
    refund_id: str = ""  # of a case about one refund of its payment
    alike: str = ""  # a refund of the same amount that a credit was taken to be
    parent_id: str = ""  # a case that people have linked it with, or that the same stranger has opened
    merged_into: str = ""
    payouts_paused_ms: int = 0  # since when payouts have been paused because of it; 0: never
    movement: str = ""  # of a case about money: what kind of movement; empty: a payment, or nobody knows
    untold_ms: int = 0  # when its counters are told if nothing else tells them before; 0: the last version has them
    owed_freeze_ms: int = (
        0  # when its freeze was asked for while the account was closed; 0: never, or it was made since
    )
    alerted_ms: int = 0  # when a rule last opened or joined it; 0: none did, or before this was noted
    answer_time_ms: int = 0  # from clock_ms to when its first response was due, once it is given; 0: it is not
    # Which side of the door waits, and when the customer was last told so (`streams.core.flows.login_ladder`).
    waits_told: dict[str, int] = msgspec.field(default_factory=dict)
    # When the cases of its payment are reckoned up (`streams.core.money.reckoning`), and up to when its feeds must have
    # been heard by then: seconds after opened_ms, because an account has many; 0: they are not.
    reckons_s: int = 0
    reckoned_to_s: int = 0
    files: bytes = b""  # by which it knows a file or a reference again (`streams.core.cases.attachments`)
    card_told_ms: int = 0  # when the customer was last told that a card was added or removed
    paused: bytes = b""  # 6 bytes of each card that pays nothing while it is open
    # Of a merchant that broke its promise (`streams.core.money.broken_promise`): until when it may answer, and until
    # when its settlement is held; 0: it is not asked, or has answered; nothing is held.
    answer_due_ms: int = 0
    settlement_held_ms: int = 0
    retries: Retries | None = None  # of a refund that its merchant had no funds for
    told: Told | None = None  # what only somebody on the telephone or in a chat has said of it

    @property
    def merchant_due_ms(self) -> int:
        """When to look at its merchant next; 0: nothing is waited for."""
        return min((due_ms for due_ms in (self.answer_due_ms, self.settlement_held_ms) if due_ms), default=0)

    @property
    def retry_due_ms(self) -> int:
        """When to look at the next try of its refund; 0: there is none."""
        return self.retries.due_ms if self.retries is not None else 0

    def pauses(self, card: int) -> bool:
        """Whether it has paused this card."""
        return find(self.paused, card.to_bytes(_CARD_BYTES), _CARD_BYTES) >= 0

    def pause(self, card: int) -> None:
        """Pauses this card too; of more than eight the first one goes."""
        self.paused = (self.paused + card.to_bytes(_CARD_BYTES))[-_PAUSED_MAX * _CARD_BYTES :]

    @property
    def reckons_ms(self) -> int:
        """When the cases of its payment are reckoned up; 0: they are not."""
        return self.opened_ms + self.reckons_s * 1000 if self.reckons_s else 0

    @property
    def is_open(self) -> bool:
        """Somebody still has to do something."""
        return self.status not in FINISHED

    @property
    def is_ordered(self) -> bool:
        """Whether it has an order that keeps the account frozen."""
        return ORDERED in self.counters


ORDERED = "ordered"  # counter of a case
_STOLEN = "F23"
FINISHED = frozenset({"resolved", "surveyed", "closed", "merged", "withdrawn"})


class Suspect(msgspec.Struct, array_like=True, gc=False):
    """A failed payment that may turn out to belong to an outage."""

    at_ms: int
    due_ms: int  # when to look again
    payment: int  # payment_key
    event: int
    amount_minor: int
    currency: str
    code: str
    marks: list[int]  # of the keys that it failed on
    method: str = ""  # empty: nobody remembers


class Membership(msgspec.Struct, array_like=True, gc=False):
    """An outage that concerns this customer, until it cannot come back."""

    incident_id: str
    due_ms: int  # when to ask whether it is over
    payments: list[int] = msgspec.field(default_factory=list)
    told: bool = False  # that it began
    ended: bool = False


class EarlyVictim(msgspec.Struct, array_like=True, gc=False):
    """An account that was restricted for a right password and may turn out to be one of an attack's many."""

    at_ms: int
    due_ms: int  # when to look again
    case_id: str
    places: list[int]  # marks of `streams.core.attacked_places`


class RightPassword(msgspec.Struct, array_like=True, gc=False):
    """A login of somebody unknown in an attack on logins; its owner hears of it if no second factor comes."""

    at_ms: int
    due_ms: int
    incident: str


class Trace(Line, array_like=True, gc=False):
    """One thing that happened after a suspicious login, as a timeline will say it."""

    doubted: bool = False  # suspicious by itself: a doubted login, or a change of what protects the account
    device: int = 0  # of a doubted login or a bound device, hashed
    address: int = 0
    answered: bool = False  # the second factor that it was asked for was given from there
    asked: bool = False  # for a second factor in earnest, when somebody came in
    answered_ms: int = 0  # when it was given; 0: it was not, or nobody noted it
    factor_stays: bool = False  # a change after which second factors are still sent to whom they were sent before
    stopped: bool = False  # a login that was decided `block`, in time
    spends: bool = False  # of such a login: money was asked for from there since
    unnamed: bool = False  # of a login: it leaves out the device that the account always names


class Holder(msgspec.Struct, array_like=True, gc=False):
    """What acting needs to know of the profile."""

    language: str = "zh-Hans"
    time_zone: str = ""
    vulnerable: bool = False
    closed: bool = False
    tier: str = ""  # of verification, at most TIER_MAX characters: whose limits hold
    told_ms: int = 0  # when the newest profile was true
    app_version: str = ""  # at most APP_VERSION_MAX characters


class Obligations(msgspec.Struct, array_like=True, gc=False):
    """Everything of one account that is learnt from an outcome. Mutated in place by `decide` and `fire` only."""

    payments: bytes = b""  # 7 bytes each, oldest first: `payment_key`, then `PaymentState`
    payments_day: int = 0  # newest day, since 1970, on which something was remembered of one
    failures: list[Failure] = msgspec.field(default_factory=list)
    holds: list[Hold] = msgspec.field(default_factory=list)
    debits: list[Debit] = msgspec.field(default_factory=list)
    locks: list[HeldLock] = msgspec.field(default_factory=list)
    locks_version: int = 0
    outbox: list[Command] = msgspec.field(default_factory=list)
    cases: list[Case] = msgspec.field(default_factory=list)
    notices: list[int] = msgspec.field(default_factory=list)  # when capped messages of the last week were sent
    holder: Holder = msgspec.field(default_factory=Holder)
    soft_locks: list[int] = msgspec.field(default_factory=list)  # when the newest waits of the login ladder began
    ended: list[Ended] = msgspec.field(default_factory=list)  # cases whose snapshot has to go some day
    instruments: list[Instrument] = msgspec.field(default_factory=list)
    unknowns: list[Unknown] = msgspec.field(default_factory=list)
    contacts: list[int] = msgspec.field(default_factory=list)  # when the customer wrote or called lately
    expectations: list[Expectation] = msgspec.field(default_factory=list)
    owed: list[Owed] = msgspec.field(default_factory=list)
    spent: list[Spent] = msgspec.field(default_factory=list)
    lately: list[Lately] = msgspec.field(default_factory=list)
    refunded: list[int] = msgspec.field(default_factory=list)  # debits that were given back once
    auto_refunds: list[int] = msgspec.field(default_factory=list)  # when refunds left without a person
    suspects: list[Suspect] = msgspec.field(default_factory=list)
    memberships: list[Membership] = msgspec.field(default_factory=list)
    ranked: list[int] = msgspec.field(default_factory=list)  # by score, on days not judged yet; `streams.core.ranking`
    entries: bytes = b""  # 6 bytes for each of the ledger's last lines, which may be told once more
    surveyed_ms: int = 0  # when the customer was last asked to rate us
    trail: list[Trace] = msgspec.field(default_factory=list)  # since a suspicious login; `streams.core.flows.trail`
    trail_dropped: int = 0  # movements of money that made room
    advised_ms: int = 0  # when the customer was last advised unasked
    finals: bytes = b""  # 11 bytes each, oldest first: `payment_key`, then when its last final word was said
    reserved: list[Reserved] = msgspec.field(default_factory=list)
    arrived: bytes = b""  # 6 bytes for each promise that ended lately; `streams.core.money.arrivals`
    unfrozen_ms: int = 0  # when two people last lifted a freeze
    unpriced: list[int] = msgspec.field(default_factory=list)  # keys of what left `lately` before its debit came
    unpriced_ms: int = 0  # when the newest of them did
    shared: list[int] = msgspec.field(default_factory=list)  # `payment_key` of ids that two payments bear
    given: bytes = b""  # 28 bytes for each payment of which something was given back; `streams.core.money.given`
    counted: bytes = b""  # 6 bytes for each refund that is counted there, or was intended here
    fees: list[Fee] = msgspec.field(default_factory=list)  # the last ones, oldest first
    bases: bytes = b""  # 16 bytes each: what the last movements were about; `streams.core.money.fee_lines`
    proved_ms: int = 0  # the last check of face and document: passed; by the negative of its time: failed
    stopped: bytes = b""  # 5 bytes each, oldest first: `payment_key` of movements that were blocked
    undone: bytes = b""  # the same of those whose debits left `spent` when all of them were back
    exposed_ms: int = 0  # when the owner last heard that an attacker gave the right password
    exposed_in: str = ""  # the case of that attack
    legit_ms: int = 0  # until when it was the owner who came in and changed things, as an analyst has found
    cards: bytes = b""  # 11 bytes each, oldest first: `payment_key` of a card payment, then 48 bits of its card
    posts: list[tuple[int, int]] = msgspec.field(default_factory=list)  # when, and how many read it; of the last hour
    urged: bool = False  # since it was last time for advice the owner was told to update a vulnerable app
    early: list[EarlyVictim] = msgspec.field(default_factory=list)
    login_help_ms: int = 0  # when the owner was last told how to get back in (F19)
    tried: list[Tried] = msgspec.field(default_factory=list)  # the last payments that failed, oldest first
    refund_marks: bytes = b""  # 8 bytes for each payment that was refunded lately; `streams.core.flows.refund_abuse`
    fraud_ms: int = 0  # when a case was last found to be fraud, also one that has made room; 0: never, or by mistake
    doubted: bytes = b""  # 6 bytes for each movement that was not simply let go; `streams.core.caught`
    home_trail: list[Trace] = msgspec.field(default_factory=list)  # since a change at home; `streams.core.flows.trail`
    home_dropped: int = 0  # movements of money that made room there
    leak_told_ms: int = 0  # when the owner was last told that the password has leaked
    settled_ms: int = 0  # the check of face and document that ended doubts, if none has failed since
    moved: list[Trace] = msgspec.field(default_factory=list)  # the last movements of money; `streams.core.flows.trail`
    came: list[Trace] = msgspec.field(default_factory=list)  # who has left the trail; `streams.core.flows.came`
    corrections: list[Correction] = msgspec.field(default_factory=list)  # `streams.core.money.corrections`
    proved_device: int = 0  # on which the check of `proved_ms` was passed, hashed; 0: nobody has said
    right_passwords: list[RightPassword] = msgspec.field(default_factory=list)
    gave: list[Gave] = msgspec.field(default_factory=list)  # newest last

    def forget_waits(self) -> None:
        """The owner has heard, or shown, that a wait is over: the next one is news again."""
        for case in self.cases:
            case.waits_told.clear()

    def case(self, case_id: str) -> Case | None:
        """The case if this account still remembers it."""
        for case in self.cases:
            if case.case_id == case_id:
                return case
        return None

    def is_with_people(self, payment_id: str) -> bool:
        """Whether a case about the money of this payment was handed over and is still open."""
        return any(each.money is not None and each.money.payment_id == payment_id for each in self.ended)

    @property
    def payments_held(self) -> int:
        """How many payments are remembered."""
        return len(self.payments) // _PAYMENT_BYTES

    def frozen_by(self, case_id: str) -> bool:
        """Whether a freeze stands that this case has made; one that is being lifted stands no more."""
        return any(
            held.is_for(case_id) and held.action == "freeze" and held.status not in ("lifting", "released")
            for held in self.locks
        )

    def asks_who_it_is(self, frozen: HeldLock) -> bool:
        """Whether this freeze protects an owner, whose check its end needs; one for an order alone does not."""
        if any(case.is_open and case.flow == _STOLEN for case in self.cases):
            return True
        cases = [self.case(reason.case_id) for reason in frozen.reasons]
        return any(case is None or not case.is_ordered for case in cases)

    def locked_for_good_by(self, case_id: str) -> bool:
        """Whether a lock without an end stands that this case has made, so that somebody has to see to it."""
        return any(
            reason.case_id == case_id and not reason.due_ms
            for held in self.locks
            if held.status not in ("lifting", "released")
            for reason in held.reasons
        )

    def hold(self, payment_id: str) -> Hold | None:
        """The hold on a payment, if it waits."""
        for hold in self.holds:
            if hold.payment_id == payment_id:
                return hold
        return None

    def recall(self, key: int) -> PaymentState | None:
        """What is remembered of the payment with this `payment_key`."""
        at = find(self.payments, key.to_bytes(_KEY_BYTES), _PAYMENT_BYTES)
        return None if at < 0 else PaymentState.from_bytes(self.payments[at + _KEY_BYTES : at + _PAYMENT_BYTES])

    def is_good(self, key: int) -> bool:
        """Whether the payment with this `payment_key` is remembered as good."""
        state = self.recall(key)
        return state is not None and state.status == PaymentState.SUCCEEDED

    def expect(self, waiting: Expectation) -> bool:
        """Waits for it, unless there is no room: what was promised stays. False: there is none."""
        self.expectations.append(waiting)
        if crowded(self.expectations, EXPECTATIONS_MAX, EXPECTATIONS_BYTES):
            self.expectations.pop()
            return False
        return True

    def payment_states(self) -> list[PaymentState]:
        """Of all payments that are remembered."""
        rows = range(_KEY_BYTES, len(self.payments), _PAYMENT_BYTES)
        return [PaymentState.from_bytes(self.payments[at : at + _STATE_BYTES]) for at in rows]

    def remember(self, key: int, state: PaymentState, at_ms: int) -> None:
        """Keeps a payment's state as of `at_ms`; the 65th payment pushes the oldest out."""
        payments = self.payments
        entry = key.to_bytes(_KEY_BYTES) + state.to_bytes(_STATE_BYTES)
        at = find(payments, entry[:_KEY_BYTES], _PAYMENT_BYTES)
        if at < 0:
            self.payments = (payments + entry)[-PAYMENTS_MAX * _PAYMENT_BYTES :]
        else:
            self.payments = payments[:at] + entry + payments[at + _PAYMENT_BYTES :]
        self.payments_day = max(self.payments_day, at_ms // DAY_MS)

    def remember_card(self, key: int, card: int) -> None:
        """Keeps by which card a payment is made; the 33rd one pushes the oldest out."""
        row = key.to_bytes(_KEY_BYTES) + card.to_bytes(_CARD_BYTES)
        if find(self.cards, row, len(row)) < 0:
            self.cards = (self.cards + row)[-CARDED_MAX * len(row) :]

    def card_of(self, key: int) -> int:
        """By which card this payment was made; 0: by none, or nobody remembers."""
        size = _KEY_BYTES + _CARD_BYTES
        rows = (self.cards[at : at + size] for at in range(0, len(self.cards), size))
        found = (row[_KEY_BYTES:] for row in rows if row.startswith(key.to_bytes(_KEY_BYTES)))
        return int.from_bytes(next(found, b""))

    def stop(self, key: int) -> None:
        """Keeps that a movement was blocked; the 17th one pushes the oldest out."""
        self.was_stopped(key)
        self.stopped = (self.stopped + key.to_bytes(_KEY_BYTES))[-STOPPED_MAX * _KEY_BYTES :]

    def was_stopped(self, key: int) -> bool:
        """Was this movement blocked? From now on nobody remembers."""
        at = find(self.stopped, key.to_bytes(_KEY_BYTES), _KEY_BYTES)
        if at < 0:
            return False
        self.stopped = self.stopped[:at] + self.stopped[at + _KEY_BYTES :]
        return True

    def undo(self, key: int) -> None:
        """Keeps that nothing stands of a payment whose debits are forgotten; the 17th one pushes the oldest out."""
        self.debit_again(key)
        self.undone = (self.undone + key.to_bytes(_KEY_BYTES))[-UNDONE_MAX * _KEY_BYTES :]

    def debit_again(self, key: int) -> None:
        """A debit of this payment is here: of it nobody can say so any more."""
        at = find(self.undone, key.to_bytes(_KEY_BYTES), _KEY_BYTES)
        if at >= 0:
            self.undone = self.undone[:at] + self.undone[at + _KEY_BYTES :]

    def is_undone(self, key: int) -> bool:
        """Whether all that was debited for this payment was back when it was forgotten."""
        return find(self.undone, key.to_bytes(_KEY_BYTES), _KEY_BYTES) >= 0

    def said_ms(self, key: int) -> int:
        """When the last final word about a payment, success or failure, was true; 0: nobody remembers."""
        at = find(self.finals, key.to_bytes(_KEY_BYTES), _FINAL_BYTES)
        return 0 if at < 0 else int.from_bytes(self.finals[at + _KEY_BYTES : at + _FINAL_BYTES])

    def say(self, key: int, at_ms: int) -> None:
        """Keeps when a final word was said; the 17th payment pushes the oldest out, an older word changes nothing."""
        at_ms = max(at_ms, self.said_ms(key))
        at = find(self.finals, key.to_bytes(_KEY_BYTES), _FINAL_BYTES)
        others = self.finals if at < 0 else self.finals[:at] + self.finals[at + _FINAL_BYTES :]
        entry = key.to_bytes(_KEY_BYTES) + at_ms.to_bytes(_FINAL_BYTES - _KEY_BYTES)
        self.finals = (others + entry)[-FINALS_MAX * _FINAL_BYTES :]

    def booked(self, line: int) -> bool:
        """Was this line of the ledger (`references.line_of`) heard before? From now on it was."""
        key = line.to_bytes(_ENTRY_BYTES)
        if find(self.entries, key, _ENTRY_BYTES) >= 0:
            return True
        self.entries = (self.entries + key)[-ENTRIES_MAX * _ENTRY_BYTES :]
        return False

    def forgets_ms(self) -> int | None:
        """From when on nothing here can matter any more, or None while something waits for its time."""
        waits = self.holds or self.debits or self.locks or self.outbox or self.ended or self.unknowns
        if waits or self.expectations or self.reserved or self.suspects or self.memberships or self.early:
            return None
        if self.right_passwords:
            return None
        if any(case.talk_due_ms or case.due_ms for case in self.cases):
            return None
        worked = max([case.updated_ms for case in self.cases]) if self.cases else 0
        charged = self.fees[-1].at_ms if self.fees else 0
        return max(
            (self.payments_day + 1 + PAYMENTS_DAYS) * DAY_MS,
            worked + CASES_DAYS * DAY_MS,
            charged + PAYMENTS_DAYS * DAY_MS,
            self.fraud_ms + CASES_DAYS * DAY_MS,
        )


class PaymentState(int):
    """Packed into 16 bits, because 64 of them are encoded after every event of a busy account.

    Bits from the right: 2 status, 1 whether the ledger has told of a debit, 8 grace in units of half a minute (rounded
    up, at most 2 h; 0: a debit of this movement is no business of rule L1), 5 band of its score
    (`streams.core.learning`; 0: not scored).
    """

    SEEN, SUCCEEDED, FAILED, REVERSED = range(4)

    __slots__ = ()

    @classmethod
    def of(cls, status: int, grace_s: int) -> PaymentState:
        """`grace_s` is how long a debit for this payment may be without its success; 0: nobody watches."""
        return cls(min(-(-grace_s // 30), 255) << 3 | status)

    @property
    def status(self) -> int:
        return self & 3

    @property
    def is_debited(self) -> bool:
        return bool(self & 4)

    @property
    def is_sale(self) -> bool:
        """Something was paid: it is good, or the ledger has told of a debit."""
        return self.status == self.SUCCEEDED or self.is_debited

    @property
    def grace_s(self) -> int:
        return (self >> 3 & 255) * 30

    @property
    def band(self) -> int:
        return self >> 11

    def scored(self, band: int) -> PaymentState:
        """The same payment with the band of its score."""
        return PaymentState(self & 0x7FF | band << 11)

    def debited(self) -> PaymentState:
        """The same payment once the ledger has told of a debit."""
        return PaymentState(self | 4)

    def after(self, status: int, late: bool = False, overtaken: bool = False) -> PaymentState:
        """The same payment once an event has said `status`; events that say nothing final leave it as it is.

        So does a failure that comes later than the lateness bound, for what is known by then is newer, one of a payment
        whose money is back, and one that happened before the success (`overtaken`) of a payment that is good.
        """
        if status == self.SEEN:
            return self
        if status == self.FAILED:
            older = self.status == self.SUCCEEDED and overtaken
            if older or self.status == self.REVERSED or (late and self.status):
                return self
        return PaymentState(self & ~3 | status)


def payment_key(payment_id: str) -> int:
    """40 bits of the payment id: among 64 remembered payments one in 2e10 new ones is mistaken for an old one."""
    return int.from_bytes(blake2b(payment_id.encode(), digest_size=_KEY_BYTES).digest())


_KEY_BYTES, _STATE_BYTES, _ENTRY_BYTES, _CARD_BYTES = 5, 2, 6, 6
_PAYMENT_BYTES = _KEY_BYTES + _STATE_BYTES
_FINAL_BYTES = _KEY_BYTES + 6  # milliseconds until the year 10889
