"""What does the page docs/incidents.md say? Its tables come from the code, the transitions and the policy."""

from __future__ import annotations

from streams.core.entities.page import policy_table
from streams.core.incidents.cases import kind_of
from streams.core.incidents.causes import METERED
from streams.core.incidents.keys import DIMENSIONS
from streams.core.incidents.transitions import TRANSITIONS, diagram
from streams.core.policy import Policy

_HEAD = """\
# Incidents: one outage instead of ten thousand tickets

Generated from `streams/core/incidents`; do not edit. `make docs` writes it again. `paywarden incidents` lists what is
down now, [the runbook](runbook.md#paywardenincident) says what to do, `paywarden bench incidents` measures what is
claimed here.

## What is watched

A trial is the end of an attempt (once per order and bucket), or its silence: a payment that was requested and has no
answer after `hung_s`. Of those that wait, 64 per partition are followed; places become free as answers come, so where
answers stay away all of them are soon taken by payments that hang.

Each trial counts on every key of its route. A pair has its first part as parent, everything else the platform. At most
`keys_max` keys are kept, the lightest makes room for a heavier newcomer at the end of the hour; a key of more than 96
characters is not watched. In a bucket each dimension has 160 places, so a flood of invented releases cannot push
gateways out.
"""

_CAUSES = """\
## What counts as a failure

Failures of the channel (health scope issuer, gateway, network or platform, codes that nobody knows, and silence) count
on every key of the route: an issuer's code that comes for all issuers of one gateway is the gateway's fault, and only
comparing the keys can tell. Failures of the merchant count on keys of the merchant only. Everything else is somebody's
answer and counts as a good trial.

Four kinds of refusal rise for reasons of their own. They have meters beside the keys of issuers and networks, with a
baseline and an alarm of their own, and never touch the others:

| meter | what its spike is | case |
|---|---|---|
"""

_CHALLENGES = """\

A second factor is a trial of whoever sends the code or asks the customer (`challenge_provider_id` of
`challenge.passed.v1` and `challenge.failed.v1`, which also tells of codes that expire, and of payments: a 3-D Secure
server). Its key is `authentication@challenge:PROVIDER`; it is compared with the same refusals of issuers and networks,
so of a server and the banks behind it the server is the root. Where the channel or the merchant fails nobody knows how
the second factor went. Guessing is kept apart, in all counts of this kind:

* only second factors on a known device count (of a payment: or out of a network that logins came from; of an account
  that never named a device, what nothing speaks against): strangers fail where all works;
* a failure counts once per `window_s` for its account, its device and its network, and all of one network are one
  customer in all partitions together;
* failures of fewer than `min_users` customers raise no alarm, however many they are.
"""

_SPIKES = {
    "funds": "payday, the end of the month",
    "refusal": "an issuer changed its rules",
    "fraud": "cards are being tested, or an issuer thinks so",
    "authentication": "the 3-D Secure or challenge service fails",
}

_BASELINE = """\
## What is normal

The share of failures of a key in this hour of the week: `p0 = (a * p_parent + f) / (a + n)` with a = `prior_trials`, in
three steps: the key's level, the hour of the day, the hour of the week. Weights halve in two weeks; the normal moves by
at most `change_per_day`, is never below `floor_share`, and before `warm_trials` never below `cold_share`. That
patience is for alarms: where others alarm, a key of little history (a new release) is compared at its parent's level,
and is the root if it accounts for them. A key with
fewer than `profile_per_day` attempts has no hours of its own and follows its parent's. Nothing is learnt from a key
while it is suspicious, nor from keys that a standing incident explains.

## Detectors

* **A, more failures than chance:** Bernoulli CUSUM for `odds_ratio` times the usual odds. Its threshold
  h = ln(trials of all keys per day x `false_alarm_days`), between 9.2 and 20, follows the traffic.
* **B, confirmation:** `min_attempts` trials of `min_users` customers with a failure, a binomial tail below
  10^-`tail_log10`, and a share of at least `times_baseline` x p0 and `above_baseline` more than p0; or `streak`
  failures in a row of that many customers, or `streak_any` of whomever.
* **C, silence:** at most `silent_share` of the expected attempts in the window where at least `silent_attempts` are
  expected, and a Poisson tail as small as above. Needs a week of history; merchants and releases may fall silent. It is
  a rule about absence: where a minute has brought nothing at all, it waits as long as the watch over
  [feeds](entities.md#feeds) needs to tell whether `payments.transactions` has stopped (`stalled_s` and two tellings,
  eleven minutes), and while that feed is stalled it judges nothing. What it said since the feed's last event is
  withdrawn (`feed_stalled`). One gateway of several that are heard is missed at once. A payment counts as hung only
  once its feed was heard up to then.
* **D, slowness:** the 95th percentile of a window more than `slow_sigmas` above its moving mean, `slow_windows` windows
  in a row. A window is a minute, or as many as hold 20 answers; what has fewer in an hour is not judged. Durations are
  measured on the followed payments, of gateways, issuers, networks and methods. The root is looked for each minute: an
  issuer that was noticed before its slow gateway is explained by it (`joined_incident`).

## The root

Of all suspicious keys, the one that explains most of the excess with least collateral: excess times the cube of the
share of its own traffic that fails (less a standard error), where siblings have equal chances. What it explains is
taken away, pair keys saying how much two keys share, and the rest is asked again. The root has to stand for two
buckets; a suspicion that a standing incident explains is no incident.

Two parts may be down at once, or one while another is. What no pair key tells they share is then taken as if they were
independent: where something that a root seems to explain accounts for what is left (a sibling of the root, the
platform) better than that does by itself, and the platform has that much more failures, it is a root of its own. Of a
pair that fails no more than one of its sides does without it, the side is the root. Where all that is suspicious could
lie on what is known to be down, one more part is, as long as the platform fails more than all of them together and that
part has most of it; beside a platform that fails in part it is what fails three times as much as the rest.

It is over when it fails as little as usual, not when it fails less than it did: a reverse CUSUM against the share of
the outage, and the last minute against a quarter of that share; or 50 attempts since it went down, nearly as good as
ever.
"""

_AFTER = """\
## One case

A confirmed incident is one case (F35, of a merchant F34) owned by the entity `health`. Its id follows from root and
onset. A version is published when state or priority changes, half a minute after the opening with the first counts,
else at most every `update_s`. It is P1 from `page_users` affected customers or `page_share` of the platform's
attempts on, else P2; a suspicion that lasts `degraded_s` without confirmation is a P3 case that pages nobody, and
slowness is never more than that. Its end is a recovery, and so is that of unconfirmed failures if more of the
attempts since the alarm failed than any chance (`tail_log10`); else they were a false alarm. What turns out to share
the traffic of another root ends as part of that (`joined_incident`). After `close_after_s` of quiet it closes itself;
what comes back within `reopen_s` is the same incident. Where nobody tries any more for `deserted_s` it closes too,
unless it has traffic at every time: then it stays down as a silence until it is heard again.

Every accounts partition is told the root, as entity risk of the typology `outage`. From then on a failed payment whose
route has the root among its keys joins: no ticket (F04), no count towards repeated failures (F09), one message to the
customer when it begins and one when it is over. They name the way of paying, of an issuer the bank if the deployment
has a word for it (`issuer.ID` in `templates.toml`), and never a gateway. A second factor that fails joins the outage of
its provider in the same way: no ticket about codes (F08), and one that was opened before is linked. While it recovers
failures still join, because it may come back, but nobody is told that it begins: most of them fail as usual. A failure
older than the knowledge waits and looks again after 15 s, 60 s and `look_back_s`. A case of repeated failures that was
opened meanwhile is withdrawn (`joined_incident`) when too few other attempts are left in it, every other one is linked.
Money cases (F10) stay cases of their own, with `incident_id`. The accounts tell back, with their next bucket, how many
customers, failures, amounts and codes joined: these are the counters of the case.

The merchant whose incident it is (`merchant/ID`) hears of it with the first counts: the share of its attempts that
succeeded since, for how many seconds, the way of paying if only one fails, and the code that most failures have (or
that nobody answers). A refusal that is a customer's or a bank's answer is no failure here. When the incident closes it
hears that, too: one message at the start and one at the end, also if the incident comes back meanwhile. Nothing in them
is about a customer. No other incident is told to merchants. A single payment that fails by what only its merchant can
mend (flow F05: set-up, limit, amount, test card) is told at once, with its id, cause and code, and the next one of the
same cause after `entities.merchant_faults.every_s`.

People work on it, and on the case of an attack, with `incident.action.v1`: they take it on, note something, name the
root cause, write the official statement in Chinese and English (what customers who ask may be told), and close it with
a reason. None of that stops the counting: what fails again soon after is the same incident, and an attack that still
goes on is not closed (`under_way`). One close does more: a supervisor who ends a silence takes the part out of service
(a gateway that was switched off; resolution `out_of_service`, and who was told that it began hears that it does not
come back, not that it works). Its silence, and that of what only it served, is no incident from then on, until it
has half of its usual attempts again in an hour that usually has enough. The hours learn the absence meanwhile, as they
learn everything.

In mode `observe` the case is a shadow and nobody is written to.

## Limits

* A provider of second factors that tells neither of wrong nor of expired codes has no failures, and its silence is not
  watched. Codes to new devices do not count. An attack out of many networks on its own accounts cannot be told from an
  outage.
* A retry is the same trial within a bucket only; a client that retries for minutes counts again.
* With little traffic an outage needs `min_attempts` trials or a run of failures, however long that takes.
* An outage of something that no key names shows as the platform, or as whatever key it resembles most: of one release
  in one region the release is named.
* Of two outages at once, or five to ten minutes apart, a sibling of one (a network, a method, an issuer, a region) is
  named beside both roots in some of twenty, or in place of one: what keys share is known exactly only of pairs that are
  watched.
* Of three outages at once that are confirmed in the same bucket siblings of a root may be named, above all where few
  keys carry all traffic.
* A part that carries nearly all traffic cannot be told from the platform; the likelier dimension is named.
* Slow leaks below the CUSUM's shift over weeks are not looked for.
* Customers are told at the earliest two buckets after the onset, and again up to `recheck_s` after the end.

## Size and cost

All keys are one state, because a root can only be found where all of them are seen. It changes once per bucket, not
per event: 2,000 keys take about 0.9 MB. Slots, profiles (336 bytes), incidents (32) and their lists are capped.
"""

MEASURED = """\
## Measured

`paywarden bench incidents --days 30 --keys 2000 --per-day 500`, seed 1 (ten minutes of one CPU), on the detectors
alone, in 5-second buckets: attempts from the first bad bucket, mean / 95th percentile of 100 runs, at one attempt a
second (where seconds are the same number) and at 20. In brackets: the share of runs that became an incident. The
reference is the textbook CUSUM of one key at h = 16.1, attempt by attempt (400 runs), at odds x3 where ours is at three
times the share; it has no x2 (the table below has all of it). Ours has h = 18.4, for 2,000 keys. At 20 attempts a
second a bucket is 100 attempts.

| usual | then | reference | alarm at 1/s | alarm at 20/s | incident at 1/s | incident at 20/s |
|---|---|---|---|---|---|---|
| 2 % | x2 | - | 2,643 / 4,855 | 3,433 / 8,100 in 172 s | suspicion only | suspicion only |
| 2 % | x3 | 629 / 1,076 | 690 / 1,185 | 755 / 1,300 in 38 s | suspicion only (1 %: 1,040) | suspicion only |
| 2 % | 100 % | 16 | 20 / 20 | 100 / 100 in 5 s | 25 / 25 | 200 / 200 in 10 s |
| 5 % | x2 | - | 1,100 / 2,120 | 1,379 / 2,700 in 69 s | suspicion only (5 %: 853 / 1,860) | suspicion only |
| 5 % | x3 | 290 / 481 | 265 / 395 | 337 / 500 in 17 s | 289 / 565 (72 %) | 1,325 / 6,700 in 66 s (93 %) |
| 5 % | 100 % | 17 | 20 / 20 | 100 / 100 in 5 s | 25 / 25 | 200 / 200 in 10 s |
| 10 % | x2 | - | 473 / 1,025 | 564 / 900 in 28 s | suspicion only | suspicion only |
| 10 % | x3 | 167 / 270 | 127 / 200 | 185 / 300 in 9 s | 197 / 515 (87 %) | 728 / 2,200 in 36 s (90 %) |
| 10 % | 100 % | 18 | 20 / 20 | 100 / 100 in 5 s | 25 / 25 | 200 / 200 in 10 s |
| 20 % | x2 | - | 174 / 285 | 248 / 400 in 12 s | suspicion only | suspicion only |
| 20 % | x3 | 116 / 188 | 62 / 80 | 100 / 100 in 5 s | 151 / 475 (94 %) | 697 / 3,400 in 35 s (97 %) |
| 20 % | 100 % | 22 | 20 / 20 | 100 / 100 in 5 s | 25 / 25 | 200 / 200 in 10 s |

All that the reference gives, at its three thresholds h, beside ours at the same shares (the rows `p1` and `2 p1` of the
same command): mean / 95th percentile of the attempts until the alarm. Its shift p1 is the usual odds x3. Ours looks
once per bucket, so 20 or 100 attempts are the least.

| usual | then | h = 9.2 | h = 13.8 | h = 16.1 | ours at 1/s | ours at 20/s | became an incident |
|---|---|---|---|---|---|---|---|
| 2 % | p1, 5.8 % | 356 / 726 | 547 / 962 | 629 / 1,076 | 730 / 1,330 | 846 / 1,400 | none |
| 2 % | 2 p1 | 104 / 184 | 156 / 248 | 183 / 279 | 212 / 310 | 263 / 400 | 84 %, 76 % |
| 2 % | 100 % | 9 | 14 | 16 | 20 / 20 | 100 / 100 | all |
| 5 % | p1, 13.6 % | 162 / 301 | 251 / 444 | 290 / 481 | 348 / 555 | 423 / 700 | 59 %, 39 % |
| 5 % | 2 p1 | 47 / 74 | 67 / 105 | 81 / 118 | 92 / 130 | 132 / 200 | 96 %, all |
| 5 % | 100 % | 10 | 14 | 17 | 20 / 20 | 100 / 100 | all |
| 10 % | p1, 25 % | 93 / 191 | 148 / 269 | 167 / 270 | 213 / 370 | 254 / 400 | 26 %, 5 % |
| 10 % | 2 p1 | 26 / 39 | 38 / 54 | 44 / 60 | 54 / 75 | 100 / 100 | 99 %, all |
| 10 % | 100 % | 11 | 16 | 18 | 20 / 20 | 100 / 100 | all |
| 20 % | p1, 42.9 % | 66 / 124 | 99 / 166 | 116 / 188 | 140 / 245 | 206 / 300 | none |
| 20 % | 2 p1 | 16 / 20 | 23 / 30 | 27 / 33 | 32 / 40 | 100 / 100 | 98 %, all |
| 20 % | 100 % | 13 | 19 | 22 | 20 / 20 | 100 / 100 | all |

A complete failure is an alarm after one bucket and an incident after two, 10 s, at 20/s. A suspicion that lasts 15
minutes becomes a P3 case.

The same run, for what must not happen and for the root:

| what | figure |
|---|---|
| 30 ordinary days on 2,000 keys, 30,001,367 trials | **no incident**, 658 suspicions |
| state and CPU time of it | 0.91 MB, 1.0 ms per bucket on a machine that had other work |
| 120 random outages | 119 found, half of them within 20 s |
| their roots | right in all 119, and no further incident |
| 40 pairs of outages, the second up to 3 minutes behind the first | both roots and nothing else in all 40 |
| 8 outages that end in part first | none said to recover too early, half of them 20 s after the end |
| 12 outages that begin slowly | all found, 11 with the right root only, one with a pair of it first |

On ordinary days each key has 500 attempts, shares of failures that treble over the day, and nothing was learnt before.
An outage is one of a gateway, issuer, merchant, release or pair, of which between a half and all payments fail.
The one that was not found is a pair of an issuer and a gateway with a payment every twenty seconds.
"""


def incidents_page(policy: Policy) -> str:
    """The whole page, as it is for `policy`."""
    meters = [f"| {group} | {_SPIKES[group]} | {_case(group)} |" for group in METERED]
    dimensions = ", ".join(f"`{dimension}`" for dimension in DIMENSIONS)
    states = [f"| {row.before} | {row.on} | {row.after} | {row.why} |" for row in TRANSITIONS]
    return "\n".join(
        [
            _HEAD,
            f"Dimensions, the likelier root first: {dimensions}.\n",
            _CAUSES + "\n".join(meters) + "\n" + _CHALLENGES,
            _BASELINE,
            "## States\n\n```mermaid\n" + diagram() + "\n```\n",
            "| state | on | next | why |\n|---|---|---|---|\n" + "\n".join(states) + "\n",
            _AFTER,
            MEASURED,
            policy_table("entities.health", "## Policy", policy.entities.health),
            policy_table("entities.merchant_faults", "Messages to merchants:", policy.entities.merchant_faults),
        ]
    )


def _case(group: str) -> str:
    kind = kind_of(f"{group}@issuer:any")
    return "none" if kind is None else f"{kind.case_type}, P{kind.priority}, queue {kind.queue}"
