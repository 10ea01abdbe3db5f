"""What does the page docs/entities.md say? Its tables come from the detectors' docstrings and the policy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from streams.core.entities import (
    brute_force,
    credential_burst,
    credential_stuffing,
    otp_abuse,
    password_spray,
    slice_burst,
    stranger_burst,
)
from streams.core.entities.card_testing import observe_card_payment
from streams.core.entities.guess_spray import observe_same_guess
from streams.core.entities.low_and_slow import observe_slow_login
from streams.core.entities.merchant_refunds import observe_trade
from streams.core.entities.promo_abuse import observe_claim
from streams.core.entities.risky_terminal import observe_label
from streams.core.entities.site_spray import observe_site_login
from streams.core.entities.slice_spray import observe_slice_login
from streams.core.entities.social_topic import observe_post
from streams.core.policy import Policy


class Detector(NamedTuple):
    """One detector for the page: which entities it watches, and its table of the policy."""

    slug: str
    kinds: str
    section: str
    observe: Callable[..., object]


DETECTORS = (
    Detector("password-spray", "IP address, device", "password_spray", password_spray.look),
    Detector("brute-force", "IP address, device, account", "brute_force", brute_force.look),
    Detector("credential-burst", "device, IP address", "credential_burst", credential_burst.look),
    Detector("credential-burst of an address", "IP address", "credential_burst", stranger_burst.look),
    Detector("credential-burst of a slice", "network (/24, /48), user agent", "credential_burst", slice_burst.look),
    Detector("otp-abuse", "device, IP address", "otp_abuse", otp_abuse.look),
    Detector("site-spray", "the whole site (`health/site`)", "site_attack", observe_site_login),
    Detector(
        "slice-spray",
        "network (/24, /48), autonomous system, user agent, TLS fingerprint (JA3)",
        "slice_attack",
        observe_slice_login,
    ),
    Detector(
        "credential-stuffing", "the whole site, autonomous system", "credential_stuffing", credential_stuffing.look
    ),
    Detector("guess-spray", "guess", "guess_attack", observe_same_guess),
    Detector("low-and-slow", "slice: user agent in an autonomous system", "low_and_slow", observe_slow_login),
    Detector("card-testing", "device, IP address, merchant, card range", "card_testing", observe_card_payment),
    Detector("promo-abuse", "device", "promo_abuse", observe_claim),
    Detector("merchant-refunds", "merchant", "merchant_refunds", observe_trade),
    Detector("social-topic", "topic of public posts", "social_topic", observe_post),
    Detector("risky-terminal", "terminal, merchant, device", "risky_terminal", observe_label),
)

_HEAD = """\
# Entities: what spans accounts

Generated from `streams/core/entities` and `streams/core/policy.default.toml`; do not edit. `make docs` writes it again.

An account's partition cannot know that the address of a login has just failed on nine other accounts: those live
elsewhere. So accounts partitions send *signals* about addresses, devices, merchants, terminals and card ranges to
the entities agent, which keeps one small state per entity, and sends back *entity risk* about the notable ones. Two
hops, never more, and a decision never waits for them: it uses the risk that is there and says how old it is.

## Signals

| event | told to | not told |
|---|---|---|
| failed login | address, device; if a stranger made it the site, account, network, autonomous system, user agent, \
TLS fingerprint, slice of system and user agent, guess | |
| successful login | address, device; the site if a stranger made it: at an account with a history, or flagged; \
the slice if a stranger made it; network and user agent if neither device nor network is known to an account with a \
history, and else one in eight; account, network, system, user agent and guess if flagged | |
| second factor that was asked for | device, or the address where none is named | |
| second factor that was passed | address | |
| payment with a card token | device, address; merchant and card range only if small enough to be a test | later good \
news of the same payment |
| refusal of such a payment | the same | |
| payment without a card, or that names only a terminal | | but for its sale and refunds, always |
| label | terminal, merchant; the device if it is fraud | |
| payment that is good | merchant | seven in eight; those that name none |
| first word of a refund that is none of ours | merchant | later words of its payment; those that name none |
| public post whose words are understood | its topic: the flow, and the merchant if one is named | late ones; general \
questions, praise and blame |
| end of a payment that names a gateway, issuer or network | health buckets of 5 seconds | retries of an order within \
the bucket |

A signal carries event time, source partition and a sequence without holes; in that order it is handled, whatever the
order of arrival. A late event is told with the time of its partition's clock, so nothing is ever older than the clock
that was told. Signals are routed by entity; everything of kind `health` goes to one place, because the root of an
outage can only be found where all keys are seen.

## Entity risk

A record says: this entity has this level from `effective_at` to `expires_at`. Levels rise at once and fall by expiry;
a level that goes on is told again when less than half of its time is left. Every typology has versions of its own; the
worst one counts. Each accounts partition keeps the newest three, so that an event which is a little late sees what was
in effect at its own time. In a replay in steps (`--barrier`), what is learnt within a step takes effect together when
the next step begins: how fast the agents run against each other then changes nothing.

Risk of terminals and merchants is not a level alone but a dated ring of labels. The accounts side evaluates it at the
event's own time *t*: a window of *w* days is (*t* - delay - *w*, *t* - delay]. Days with at most 16 labels are kept to
the second, so the windows of the handbook are exact; a busier day counts as a whole.

## Feeds

Rules about something's absence believe a feed only as far as it has told. Each accounts partition tells every `tell_s`
how many events of payments, logins and ledger it heard and how new they are; the entities agent adds the partitions
up. A feed is stalled when the others have gone on for `stalled_s` without it and have meanwhile brought `times_usual`
times as much as usually comes between two of its tellings: silence at night, and a ledger that posts once an hour, are
habits, and hours in which all feeds were silent do not count. It is one incident (`incident.feed`, P2, technical),
however many partitions, and closes by itself when the feed has been level for `close_after_s`; a feed that is missing
for a week is not waited for any longer. Meanwhile every accounts partition knows by entity risk (`feed/<topic>`) that
absence proves nothing: no money case, no refund, no message. What the feed tells late still counts. Watermarks are not
counted: they say how far a topic was read, not that its producer lives.

## Releases that reset device ids

Accounts partitions tell when a version of an app gives customers at home new devices, and for each hour in which it
goes on ([logins](logins.md#a-release-that-resets-device-ids)). It is one case (`devices_reset`, P2, technical), however
many partitions, and closes by itself (`devices_stable`) when none of them has told it for a day.

## Attacks

An attack is one case. Whatever one device explains is the device's case, whatever one address explains is the
address's, and so on through network, autonomous system and user agent: wider entities count at most one or two names,
or a few attempts, of each narrower one. At one entity all detectors of logins share one case. An attack that is known
of something wider (address, network, system, user agent, the site, in this order) takes in what is recognised later:
that is contained for its case and opens none. If the wider one is recognised later, the narrower case ends in it
(`merged`, `merged_into`). The accounts' own cases name the widest as their incident. Owners whose password was given
correctly by somebody whom the account does not know are told (`credential_attack.exposed`), once for an attack and once
a day; nobody else is. Whom the account's own decision stops the account tells, whatever has become of the attack's
case. Who is asked for a second factor (`step_up`) may be the owner on a new phone: the account tells when none has come
within 15 minutes, and at once, whatever factor is given, where device or address are suspected themselves and the
account was never entered from that network: a code may have been tricked out of its owner. Whoever was let in, or came
before the attack was seen, or while its case is open and its level is not in force any more, is told by its case at
once. It lists all of them, from the attacker's address or device until it closes. Should two of them tell one owner on
one day, it is one message with one `notification_id`.

The case is owned by the entity, P1: its versions grow when the attempts have doubled, when an account was
exposed and when containment was asked for, and it closes by itself when it was quiet. Containment aims at the entity,
has an end, and is renewed while the attack goes on. Victims are listed, never locked: their own decisions see the risk
of the address. Where the attack explains a try, and it was stopped, the account's case (F24) rests from the beginning
(`auto_answered`): it misses no deadline and closes after a quiet day (`cases.answered_close_s`), as the attack does. It
is a person's once its owner writes, or answers (other than "no" to a [login that was stopped](logins.md#attacks)),
another rule speaks, or the money has left although it was stopped. In
mode `observe`, and for events older than `max_effect_age_s`, the case is recorded and nothing is
sent.

## Size

A flood of random addresses leaves states of about 100 bytes that are dropped after half an hour. Members (names, cards)
are remembered as 48-bit hashes, at most 64 per entity and 256 for the site; more than that counts as that many. A state
with an open case is kept until it closes, and every state until what it published has expired.
"""


_BLOCKS = """\
## Blocked by people

What an operator blocks until a time, from the [page of an entity](console.md#console) or with `paywarden block`, is no
finding of a detector ([ADR 0022](adr/0022-a-block-is-told-like-risk.md)). It is a hit of `list-blocked-ip/01` (or
device, card, payee, merchant) with the outcome below, on payments, transfers, logins and whatever else is decided, and
`block_entity` to the payment system with the same end. Longer than `alone_s`, used by more accounts than
`accounts_alone`, or of one of `kinds_with_two`: a supervisor and a second person. Longer than `longest_s`: nobody, but
a list of the policy has no such end. `action.rejected.v1` says why something was refused: `role`, `second_person`,
`expiry`, `not_blocked`, `observing`, `too_old`. Whoever may act lifts a block, one person also what two have blocked:
it is over for everybody, and the console's trail names those who blocked and who lifted.
"""


_FAULTS = """\
## What merchants have to mend

A single payment that fails by its merchant's own set-up is told to the merchant (F05), about one cause once in
`every_s`.
"""

_HEALTH = """\
## Health of gateways, issuers and networks

What follows from the health buckets has a page of its own: [incidents](incidents.md).
"""


def entities_page(policy: Policy) -> str:
    """The whole page, as it is for `policy`."""
    parts = [_HEAD, _overview()]
    parts += [_detector(detector, getattr(policy.entities, detector.section)) for detector in DETECTORS]
    parts.append(policy_table("entities.feeds", "## Stalled feeds", policy.entities.feeds))
    parts.append(policy_table("entities.block", _BLOCKS.rstrip(), policy.entities.block))
    parts.append(policy_table("entities.merchant_faults", _FAULTS.rstrip(), policy.entities.merchant_faults))
    parts.append(_HEALTH)
    return "\n".join(parts)


def _overview() -> str:
    rows = ["## Detectors", "", "| detector | question | entities |", "|---|---|---|"]
    for detector in DETECTORS:
        question = (inspect.getdoc(inspect.getmodule(detector.observe)) or "").splitlines()[0]
        rows.append(f"| [{detector.slug}](#{detector.slug}) | {question} | {detector.kinds} |")
    return "\n".join(rows) + "\n"


def _detector(detector: Detector, section: Any) -> str:
    summary, _, rest = (inspect.getdoc(detector.observe) or "").partition("\n\n")
    lines = [f"### {detector.slug}", "", summary, ""]
    for line in rest.splitlines():
        name, separator, text = line.partition(": ")
        if separator and name in ("Asks", "Fires when", "Blind to", "Costs"):
            lines.append(f"* **{name}:** {text}")
        else:
            lines[-1] += " " + line.strip()
    return policy_table(f"entities.{detector.section}", "\n".join(lines), section)


def policy_table(name: str, head: str, section: Any) -> str:
    """A table of the policy as it stands, under `head`."""
    lines = [head, "", "```toml", f"[{name}]"]
    lines += [f"{field} = {_toml(getattr(section, field))}" for field in section.__struct_fields__]
    return "\n".join([*lines, "```", ""])


# Amount tables are completed for every currency when a policy is read; the page shows those that people think in.
_SHOWN = ("CNY", "EUR", "USD")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {value[name]}" for name in _SHOWN if name in value) + " }"
    return str(value)
