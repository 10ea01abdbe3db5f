"""What does the page docs/locks.md say? Its diagrams and tables are the ones that the code runs on."""

from __future__ import annotations

from streams.core.locks.account_states import ACCOUNT_MOVES, account_diagram
from streams.core.locks.transitions import IDENTITY_LEVELS, diagram


def locks_page() -> str:
    """The text of docs/locks.md."""
    levels = "\n".join(
        f"| {lock} | {level or ('a supervisor and a second person' if lock == 'freeze' else 'it ends by itself')} |"
        for lock, level in IDENTITY_LEVELS
    )
    moves = "\n".join(f"| {move.state} | {move.on} | {move.to} | {move.by} |" for move in ACCOUNT_MOVES)
    return f"""# Locks

Generated from `streams/core/locks`; a test compares. `make docs` writes it again.
`paywarden locks` lists what is locked now.

## The account

The state of an account is the strictest of what its locks say; `locks.state.v1` tells every transition with what moved
it, who, the event that shows it and when the state ends. `rest` is the strictest of what is left. Known devices are
outside of locks that apply to `unknown_devices`, and money in stays open, except under a freeze because of money
laundering.

`challenged` keeps nobody out: its command is `step_up`, `login`, `unknown_devices`, and asks a device that the account
does not know for a second factor before the password counts. Strangers who guess bring it about, for the time that they
have to wait or for a day; whoever gives the second factor is in at once, and it stays commanded for the next device.
Over `known_devices` it asks logins that name no device, from a network that the account is known by.
`soft_lock` is the wait of a known device that fails (`lock`, `login`, `known_devices`), or of everybody where
`locks.soft_lock_applies_to` says so; a second factor or a check ends it.

A login by somebody who is nothing like the owner (`login-risk`/03, case F21) restricts `unknown_devices`: the password
alone has let nobody in, so what the owner is known by goes on paying. It falls to lower limits, and its case closes,
when the second factor is given from there (`challenge_passed`), or the owner says "yes" on a device from before the
login (`customer_confirmed`). A device that never logged in is unknown in the owner's own network too; where a movement
names none its network tells, or else who logged in last. What has paid since before the stranger came is known as well:
a device for longer than `rules.takeover.device_days`, that is not the one in doubt and not at its address; and, where
neither device nor address is named, a card at a terminal, a known card in a known shop, and money to a payee from
before. The address of a login in doubt, in a network that the account never met, makes the owner's own device unknown
there until a second factor names it: its id may be copied. What is asked for by whoever was kept out restricts nobody
else, and the owner's new password makes no takeover of it. Where the login comes from what the account is known by,
`everyone` is restricted, for nobody can tell the two apart.

From the command on, money out of an account that is frozen or restricted is decided `block` with the reason R28, and so
is a login to a frozen one, to one whose password is disabled, and from the side that a person has locked; the case that
locked says what came last and how often. A freeze ends what waits for an answer with `block`, and while it stands no
"yes, that was me", no passed challenge and no analyst releases anything. A passed challenge counts for payments that
were asked for before it and, where both name a device, from the same one.

```mermaid
{account_diagram()}```

| state | on | to | by |
|---|---|---|---|
{moves}

The lower limits after a freeze end by themselves: no further `unlock` lifts them, whatever else has lowered them since.

A theft stays true however late its report is heard, and so does a "no, that was not me": it freezes up to seven days
later, unless two people have given the account back since it was said. What is said while the account is closed freezes
it when a newer profile opens it within these days, if its case is still open. Where nothing is frozen, because the
policy observes, the word is older or a cap is full, the case says so at P1; a cap stops the freeze alone, sessions and
payouts are ended all the same. An analyst who confirms a takeover (F23), a risky account (F21) or a changed setting
(F28) as fraud freezes it too, outside the caps; after two people gave the account back only if a rule has put something
on the case since, or somebody who is doubted came in or changed something. Else the case says that nothing is frozen.

What the account has learned since the first suspicious login that is remembered (up to 30 days), or in
`locks.forgets_s` (7 days) where there was none, is forgotten with every such word: devices, networks, programs,
places, payees and cards first met since then are new again. Two people who lift the freeze have it forget what came
while it stood. So a thief's device is no known one afterwards, whatever second factor it gave. Up to 24 new values a
month are told apart; where there were more, all of it goes, and the owner proves it anew.

Nor is a stolen telephone. Where the check that the freeze asks for names the device on which it was passed
(`device_id`), that one alone is known when two people give the account back; every other one is new. Whichever of them
was used within a day before the freeze, or since, or else was used last, may be the stolen one: all money that is to
leave from it is asked for a second factor, and one that is given there counts for nothing for `cases.trail_s`, for the
codes may go to whoever holds it. Such a factor lets nothing go, and the owner is told of it
(`fraud_alert.stolen_code`). So it is with a telephone that was first met lately and forgotten with the report; one that
was first met within a day before the freeze, or since, is only new, for it may be the owner's next one. A further theft
adds to what may be stolen, and its week begins anew. An owner's other device that is meant by mistake is known again by
a check that names it and a second factor. Where the check names no device nobody can tell which was stolen, and devices
from before stay known: send `device_id`, or `paywarden block` the device.

A stolen telephone is known by its `device_id` alone. After its app was installed anew, or from an app that names no
device, it is like any new device, and so is one that is met on the day of the theft: a code that is given there counts,
for nothing tells it from the owner's next telephone, whose code may come by the same message. Have the telephone's SIM
card locked, keep one `device_id` for a device across installations, or ask for a check of face and document in place of
a code for `cases.trail_s` after a theft.

A supervisor and a second person freeze an account for an order (`lock` with `order`: `court` or `money_laundering`, and
in words which one it is), and an analyst who confirms a mule's case (F31) freezes it too, until two people end it.
Nobody doubts there who the owner is: no check lifts it or is waited for, unless the account was reported as stolen as
well. While it stands only the case that has the order ends a freeze, and that case can not be resolved. For a court
money in stays open; because of money laundering (and of a mule) the freeze has the scope `everything`, which closes it:
a top-up is decided `block` too. The owner is told that people review the account, and not why.

The newest profile says whether an account is closed: a day of closing that has not come yet, or a profile older than
what is known, closes nothing, and a newer one without such a day opens it again. Closing drops every lock but a freeze.

A word that freezes or releases has to come from somebody who is known where it is said: in a channel of
`locks.verified_channels`. Through any other one, whether `locks.unverified_channels` names it (social media, e-mail,
public forms) or no list does (`paywarden_channels_unlisted_total` counts those), a "yes" is a line on the case. A theft
report, or a "no, that was not me", opens a P1 case (F23, F25), or makes P1 and opens again the one that it is about,
and asks the owner to say it in the app or by phone; by itself it locks nothing. `locks.unverified_report = "restrict"`
has it pause money out for `locks.restrict_s` too: then letters alone keep money in, for as many accounts as the caps
allow. It freezes, at once, where somebody got in and asks for money: money has gone from where a login, session or
change of the last `cases.trail_s` is doubted that gave no second factor, or an open case of a risky account (F21) that
nobody has judged tells of money; and neither from before two people gave the account back or its owner passed a check
of face and document, whatever that check leaves in doubt. Whoever came with the password alone was let nowhere, asked
for money in vain or not: beside such logins a word of anybody freezes nothing, or whoever has a password could have its
owner frozen by an e-mail, and so could anybody whose owner once left a code untyped. A login whose second factor was
given from there, or the device that it bound, is no such evidence either: that is an owner with a new phone, and a
thief who has the factor too is for somebody to report who is known. Nor is a request to reset the password: anybody can
ask for one. For
`cases.trail_s` after an owner passed that check, such words are lines on a case and pause nothing, however many come.
Under a freeze they are lines too. The owner is told once a day for each case, and whenever money out begins to be
paused; further words are lines, for anybody can write there as often as they like. A "no" about a payment or case that
this account never saw freezes nothing in any channel: it is a P1 case (F25). A "no" on a case of another kind, about a
refund or wrong passwords, is a line on it, and so is one about a login that was [stopped at the
door](logins.md#attacks): nobody is in.

The card of a payment that its owner reports as not theirs (F25), through a verified channel, is paused: further
payments by it are decided `block` with the reason R29 and are lines of the case, until the case ends or it is found
that it was the owner. The cards of the last 32 card payments are remembered, as hashes. It is paused in this account
alone, and nothing is commanded: a payment system that does not ask before it pays has to stop the card itself.

Whoever sits in the app may be the thief. While a login or change of the last `cases.trail_s` is doubted, a "yes"
releases, teaches and closes something only when one of these is older than the doubt: the device that
`customer.confirmed.v1` names, the device that asked for the payment, or the payment itself. Otherwise the owner is told
to answer on a device from before; or, without one, to sign in with a second factor, pass a check of face and document
and answer again. Two people who gave the account back end the doubt, too.

A check of face and document shows who stood before the camera, and not whose device it is that came in. So it ends the
doubt about what came before it only where every doubted login was answered with a second factor from there, before the
check or after it, and so was every doubted change: of a password or payee whenever the factor came, of anything else
only before the change, for a factor that is given after it may go to where the thief has it sent. After such a change
that nobody vouches for no factor counts, nor does a prompt that was approved after `rules.challenge_abuse.pushes_1h`
(4) within an hour. A check that fails afterwards takes that back. Else devices, logins and changes stay doubted: their
movements are asked, held and blocked as before, and a further payment of a takeover restricts again.

Such an approval lets no payment go either, ends no wait and no case, and makes no device known: somebody was worn down.
The owner is told of it (`fraud_alert.approved`) and asked in a case F24 that also says who came in. A "no" on that case
is one about a doubted login, a "yes" that counts is as good as a second factor, and another factor from there counts.
The prompts of all strange devices count together, or whoever nags would go on from a new one each time. So an owner who
is nagged and approves a prompt of a new phone is told that it does not count, and to sign in with a code instead, which
always does. An approval counts again after an hour with fewer prompts.

Whoever does not answer keeps no owner out. A device, or an address where none is named, is the owner's for as long as
the doubt lasts, whoever else is doubted, where a check was passed while it was there, it gave a second factor that
counts, and nothing that it changed is left in doubt: its "yes" counts and its payments to somebody new restrict
nothing. Where `identity.verified.v1` names the device on which the check was passed (`device_id`), it says so of that
device alone. What the owner sets anew from there within `locks.cooloff_s` of the check, with a second factor since the
check, is nobody's doubt and no sign of a takeover, unless somebody else has changed something since the check, too. So
an owner with a new phone and no old one signs in there with a second factor and goes on; where the telephone number
was changed as well, an analyst decides.

Where a check lifts a restriction and somebody is left in doubt, or a doubted change is (with a lock or without), it
ends all sessions (`end_sessions`), and the owner is told to set a new password and to check phone number, e-mail and
payees. The new password itself is asked for by the payment system, with the check. On an account that never named a
device all that goes by the address of whoever is doubted; a "yes" counts there for a payment from a network that
logins came from a day before the doubt.

A "yes" that counts is as good as a second factor for the login in doubt that its case tells of, or for the device of
the payment that it is about: where that came from is known from then on, and the same login raises nothing again. So is
an analyst who finds the case legitimate. Where the case tells of logins from several places, the owner's "yes" does not
say which of them is meant and vouches for none. On a case of a risky account (F21) that tells of its logins alone it
ends the restriction, and the case, as the factor does; where money was asked for as well, it lifts none.

A lock is lifted only where no stricter one is left over the same scope: while a freeze stands nothing milder is
unlocked, whatever the owner proves, and what waited to be unlocked when a stricter lock came is asked for no longer.
The owner is told when the payment system has released what was lifted, and what is true then: the restriction is
lifted, or limits are lower until an hour, or a part is lifted and what is not.

An account has one lock of an action, scope and kind of device. Where several cases ask for it, it is held for all of
them, up to the end of the one that ends last, and their cases say so (`lock_joined`). What ends it for one case, be it
a check, an analyst who finds the case legitimate, or time, leaves it standing for the others; where that ends it
sooner, it is commanded again with the new end. So no lock of one case takes the place of another's. An `unlock` by an
analyst ends it for all cases. Of more than six further reasons of an account the one that ends first is forgotten.

An analyst who restricts an account, or locks its login, has its owner told so, with the reason class and the way out.
No second factor by itself lifts a login that an analyst has locked: whoever is meant may have it too. A check of face
and document does, and an analyst.

A restriction whose case is open does not end silently: it goes on as long again and the case goes to the supervisors,
twice while nobody decides, six times if it is confirmed as fraud. Then it ends, and the case says so.

A case of a risky account (F21) whose restriction its owner lifts by a check of face and document, whose login got no
further than the password and is denied, or that an analyst confirms as legitimate, is answered: it rests
(`auto_answered`), misses no deadline, gives back a priority that a missed one had raised, and closes after a quiet day
(`cases.answered_close_s`). What a rule sees later wakes it. It stays with people where one of them has acted on it
before the check, and where the owner has written.

A state without an end (`hard_lock`, `frozen`) has an open case with a deadline: it can not be resolved while the lock
stands, and one that waits for an answer goes back to people instead of closing. An appeal (`unlock.requested.v1`) is a
case of its own with the promise of its priority, resolved when nothing but limits is left, or, where it asks for the
end of these, when they are over; three failed identity checks, and only a person unlocks. An analyst who confirms a
case as legitimate undoes what that case locked. On a case of a takeover, a risky account or a changed setting that also
ends, unless the account is frozen, the doubt about logins and changes up to the newest alert, login or change that the
case tells of: the owner's next payment is not locked for the same once more. Who came in later is on no case that the
analyst has read and is doubted as before; while that is somebody on another device, a changed credential stays a sign
of a takeover. A change that is delivered after the check or the word that covers it counts as covered, by the time at
which it happened. Where a person has unlocked a side of the door, its failed logins from before count no more; an
`unlock` of more than money out has the owner's known devices begin anew as well, locked or not. Nobody undoes a freeze
alone: two people lift it, and only within `locks.unfreeze_identity_s` (24 h) after the owner passed a check of face and
document; a check that failed afterwards takes that back. The published lock says which it is (`check`, `check_until`).
Where nobody checks identities, set it to 0.

Where money only passes through (F31) the payout that shows it waits, and its owner is asked where it comes from. Money
out is paused as well, for everybody, where what came is gone within minutes, where many first senders have sent more
than the account has paid in a month and no less than `locks.mule_pause_minor` (EUR 500), or where it goes on after a
pause. What no more than looks like it, friends who each send their share of a dinner, has its one payment wait and all
else go on. Cents from strangers are no collection: see [fan-in](rules.md#fan-in). An owner who answers "no" did not
ask for that payment: somebody else is in, so the account is frozen, in a case of its own. No check lifts such a pause,
because nobody doubts who that is, and a mule passes any: an analyst decides, for whom an appeal is a case with the
deadline of its priority, or the pause ends, after `locks.mule_pause_s` (7 days) of one case at the latest, however
often money passes through meanwhile. What an analyst has found legitimate, or a person has unlocked, raises nothing
again: only what came in after the newest alert of the case counts from then on, and new senders open the question
again. Found legitimate, such a case rests unless its owner
has written, and what waited with money out not paused is let go.

Proofs count from the lock on (clocks may differ by five seconds):
a second factor or check from before it lifts nothing, however late or often its event is delivered, and of several
checks the newest one counts in whatever order they come. A check shows no more than its `method` can, whatever level it
is reported with: `otp` level 1, `face` or `document` alone level 2, `face_and_document` all; any other method proves
nothing, and the cases say so. What an owner did to get back in (a second factor, a check,
asking for the account) counts up to seven days after it was done, if it is heard that late.

Caps (`[locks.caps]`) count what was decisive: a rule by its name, or `model` where only the model's score made one
rule's suspicion a lock. So a bad model is stopped like a bad rule. What an owner asks for, by a report of theft or by
denying a payment, has a cap of its own and no part in the total: whoever makes rules lock many accounts cannot keep a
theft from being stopped. Accounts that are `locks.established_days` old and pay (`locks.established_payments`) have
that cap once more for themselves, so nobody uses it up with accounts opened to be reported. How much money an account
has plays no part in that. Beyond a cap nothing is lost: the case of a freeze is P1, sessions and payouts are ended, and
the owner is told what to do; each refusal in a partition, with a case of its own or without (the ladder's first steps,
lower limits), is counted by one incident per partition, rule and window, told at the 1st, 10th, 100th one. A cap that
all partitions together have reached has one incident of the entities agent, which counts no refusals:
`paywarden_locks_capped_total` does. The second factor that strangers are asked for has no cap: it keeps no owner out.

## One lock

A lock is a saga: it is wanted, commanded, acknowledged by the payment system, and released by its own expiry or by
somebody who proves who they are. A command is sent again with the same `action_id` until it is acknowledged; one that
stays unacknowledged, or that the payment system refuses, becomes a P1 case and is sent again all the same: first every
`locks.resend_s`, then with growing pauses up to an hour. Where the payment system confirms nothing, five commands of a
partition and window (`locks.caps.window_s`) have such a case; of the others the case that locked has a line, and one
incident of the partition (P1, technical) counts them, told at the 1st, 10th, 100th one. What stops a theft (freeze,
sessions, payouts) has its own case however many there are. An operator's `unlock` of a lock that has been lifted, and
that the payment system still keeps, sends its command again at once; two people have decided about a freeze by then, so
one is enough. So does a theft that is reported or confirmed again for a freeze that stands unconfirmed, and an
operator's `lock` for a lock of its kind. What a freeze wanted done to sessions and payouts is asked for no longer once
it is lifted.

```mermaid
{diagram()}```

Identity level that lifts a lock by itself:

| lock | level |
|---|---|
{levels}
"""
