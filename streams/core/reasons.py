"""Why is a decision above `allow`? A fixed vocabulary: analysts get the reason, customers only its safe class."""

from __future__ import annotations

from typing import Literal

import msgspec

# What a customer may be told. None of these says which rule fired, so a fraudster learns nothing from the message.
SafeClass = Literal["unusual_activity", "verification_needed", "payment_problem", "account_protection"]


class ReasonCode(msgspec.Struct, frozen=True, gc=False):
    """One reason: its code never changes its meaning and is never used again."""

    code: str
    slug: str
    zh: str  # for analysts
    en: str
    safe: SafeClass


_ROWS: tuple[tuple[str, str, str, str, SafeClass], ...] = (
    ("R01", "unusual_amount", "金额明显高于客户习惯", "Amount far above the customer's habit", "unusual_activity"),
    ("R02", "new_device", "首次使用的设备", "Device not seen before", "verification_needed"),
    ("R03", "new_payee", "首次付款的收款方", "Payee not paid before", "verification_needed"),
    ("R04", "velocity", "短时间内交易过多", "Too many transactions in a short time", "unusual_activity"),
    (
        "R05",
        "location",
        "地点异常或与上次地点矛盾",
        "Unusual place, or one that contradicts the last",
        "verification_needed",
    ),
    ("R06", "payee_risk", "收款方有欺诈记录", "Payee with frauds on record", "account_protection"),
    ("R07", "credential_change", "近期更改过登录或安全信息", "Credentials changed recently", "verification_needed"),
    ("R08", "merchant_risk", "商户或终端近期欺诈率高", "Merchant or terminal with recent frauds", "account_protection"),
    ("R09", "pass_through", "资金快进快出", "Money passes straight through", "unusual_activity"),
    ("R10", "card_testing", "疑似批量试卡", "Cards are being tried out", "account_protection"),
    ("R11", "login_failures", "连续登录失败", "Repeated failed logins", "account_protection"),
    ("R12", "login_attack", "登录正受到攻击", "Login in the middle of an attack on logins", "account_protection"),
    ("R13", "small_probe", "小额试探后大额支付", "A small probe, then a large payment", "unusual_activity"),
    ("R14", "dormant", "长期不活跃后突然使用", "Sudden use after a long silence", "verification_needed"),
    ("R15", "repeated_failures", "多次支付失败", "Several failed payments", "payment_problem"),
    ("R16", "structuring", "多笔金额刚好低于限额", "Several amounts just under a limit", "unusual_activity"),
    ("R17", "unusual_hour", "交易时间异常", "Unusual hour for this customer", "unusual_activity"),
    ("R18", "spending_spike", "支出突增", "Spending has jumped", "unusual_activity"),
    (
        "R19",
        "verification_failed",
        "验证失败或验证码请求过多",
        "Verification failed or was asked for too often",
        "verification_needed",
    ),
    ("R20", "account_frauds", "账户近期有已确认的欺诈", "Confirmed frauds on the account", "account_protection"),
    ("R21", "fan_out", "短时间内付给过多不同收款方", "Too many different payees in a short time", "unusual_activity"),
    ("R22", "model_score", "模型评分高", "High model score", "unusual_activity"),
    (
        "R23",
        "missing_information",
        "信息缺失，规则无法判断",
        "Information is missing; a rule could not answer",
        "verification_needed",
    ),
    ("R24", "listed", "命中名单", "On a list of the policy", "account_protection"),
    (
        "R25",
        "hardly_known",
        "新账户大额交易",
        "A large amount from an account that is hardly known",
        "verification_needed",
    ),
    (
        "R26",
        "unlikely_login",
        "登录环境与客户习惯不符",
        "A login unlike the customer's earlier ones",
        "verification_needed",
    ),
    (
        "R27",
        "session_reuse",
        "会话在陌生网络和浏览器中被使用",
        "A session used from a network and with a user agent that no login ever had",
        "account_protection",
    ),
    ("R28", "account_locked", "账户已被冻结或限制", "The account is frozen or restricted", "account_protection"),
    ("R29", "card_paused", "该卡有非本人交易申报，已暂停", "The card was reported and is paused", "account_protection"),
    ("R30", "new_card", "刚绑定的银行卡", "Card added only just now", "verification_needed"),
    ("R31", "collection", "短时间内从多个新付款方收款", "Money collected from many new senders", "unusual_activity"),
)

REASONS: dict[str, ReasonCode] = {row[0]: ReasonCode(*row) for row in _ROWS}
