"""Does a message say more than what it is about: that money was taken, or that somebody else was at the account?

Whoever was debited for a payment that failed needs accounting (F10, domain 1.3), not an explanation of why payments
fail; who asks for a password after somebody changed the phone number needs security. These wordings go before what the
rest of the message is about. A question about a debit, or that nothing was taken, is no such word.
"""

from __future__ import annotations

import re
from typing import Final

# Flows that have no case of money of their own.
FAILED: Final = frozenset({"F01", "F02", "F03", "F05", "F06", "F07", "F08", "F09", "F37", "F38"})
_TAKEN: Final = re.compile(
    r"(?:被|又|还|却|都|也|给|照样|已经?)*(?:扣|划)(?:走|掉|除|款|钱)?(?:了|成功)|被(?:银行)?(?:扣|划)"
    r"|(?:钱|款)(?:都|也|却|已经?|还是|给)*(?:扣|划)"
    r"|(?:钱|款)(?:一直|还|都|也|却|又)*(?:没|未|不)有?(?:给我?)?(?:退|返|还给|回来?)"
    r"|(?:对方|商家|商户|店家|卖家|收款人)(?:说|显示|那边|却|都|也|已经?)*(?:收到|到账)了?"
    r"|\b(?:shop|seller|merchant|store|recipient|payee|he|she|they) (?:has |have |had |already )*(?:got|received)\b"
    r"|\b(?:charged|debited|deducted|withdrawn)\b|\b(?:was|were|been|got|is) taken\b"
    r"|\btook (?:my|the|out|[0-9.,]+(?![0-9.,])(?! ?(?:min|sec|hour|day|week|month|time|tr|att)))"
    r"|\bcame out of my|\bleft my (?:\w+ )?(?:account|bank|wallet)|\bshows? (?:the|a|that) charge"
    r"|\bmoney (?:is|was|has|got|'s)? ?(?:gone|left)\b"
    r"|\b(?:money|refund|amount)\b.{0,16}\b(?:not|n[o']?t|never) (?:\w+ )?(?:come back|came back|returned|back)\b"
    r"|(?:钱|款)(?:都|也|却|已经?|还是|倒是?)*(?:花|付|转|汇|打)?(?:出去|少)了|还是(?:付|转|花)(?:出去|走)了"
    r"|(?:钱|款)(?:都|也|却|一直|还)*没(?:有)?回|(?:银行|账单)[^,。;!?]{0,8}(?:支付|付款?|扣(?:款|费)?|交易)成功"
    r"|扣(?:费|款)短信|说(?:一分|一直|还|都|也|根本|她?|他?)*(?:没|未)有?(?:收到|到账)"
    r"|\bshows? (?:it |this |that )?(?:as )?(?:paid|charged|debited|completed|pending)\b"
    r"|\bboth (?:payments? )?(?:went|go|came) through\b|\b(?:went|go) through (?:twice|anyway|\w+ times)\b"
    r"|\bpayments? went through\b|\bbilled\b|\bpending [0-9.,]+"
    r"|\b(?:eur|usd|gbp|euros?|dollars?|pounds?|cny|rmb|yuan) (?:\w+ )?(?:went|arrived nowhere|on (?:my )?statement)\b"
)
_NOT_TAKEN: Final = re.compile(
    r"(?:没|未|没有|不|会|要|是否)(?:被|有|再|直接)?(?:扣|划)|(?:扣|划)(?:款|钱)?(?:失败|不了|不成|不上)"
    r"|(?:扣|划)了?(?:钱|款)?(?:吗|没有?$|么|嘛)"
    r"|(?:\bnot|n't|\bnever|\bnothing|\bno money|\bwithout being|\bunable to be|\bcan ?not be)"
    r" (?:\w+ ){0,2}(?:charged|debited|deducted|withdrawn|taken|took|left|gone)"
    r"|\b(?:will|would|do|did|was|am|were|has|have|if|whether|may|might|could|should) (?:i|my \w+|it|the \w+|we)"
    r"(?: be| get| been)? (?:\w+ )?(?:charged|debited|deducted|withdrawn|taken)"
)


def tells_of_debit(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that money has left, or has not come back."""
    return _TAKEN.search(line) is not None and _NOT_TAKEN.search(line) is None


_OTHERS: Final = re.compile(
    r"(?:手机号?|号码|邮箱|密码|收款人|卡|绑定)[^,。;!?]{0,6}被(?:别?人|谁)?(?:换|改|修改|变更|更换|解绑|解除)"
    r"|(?:别人|有人|陌生人|谁)(?:把|给|帮)?我?的?.{0,8}(?:换|改|绑|加|登录)了"
    r"|(?<![没免止防])(?<!没有)(?:被|让)(?:人|别人)?(?:盗|偷|刷走|骗走)|不是我(?:绑|加|换|改|登|的卡)"
    r"|\b(?:some(?:one|body)(?: else)?|a stranger|a thief|a hacker|they|he|she)\b (?:has |have |had |just |also )*"
    r"(?:changed|added|removed|linked|logged in|got in|replaced|reset)"
    r"|\b(?:some(?:one|body)(?: else)?|a stranger|a thief|a hacker) (?:\w+ )?"
    r"(?:has|have|got|took|used|uses|is (?:using|in))\b|(?:让|叫|要)我(?:念|读|报|发|说|给|告诉)了.{0,4}码"
    r"|\b(?:is|are|was)(?: not|n[o']?t) my\b|\bnever (?:asked for|requested)\b"
    r"|\b(?:reset|code)\b.{0,24}\bkeeps? (?:coming|arriving)"
    r"|\bcodes?\b.{0,16} (?:did ?n[o']?t|did not|have ?n[o']?t|never) (?:ask(?:ed)?(?: for)?|request(?:ed)?)\b"
    r"|没有?(?:要|申请|请求|索要|点)过?的?(?:验证码|校验码|动态码)|(?:没有?|未)(?:操作|登录|申请)[^。;!?]{0,6}收到.{0,6}(?:验证码|校验码|动态码)"
    r"|(?:is|are|was|were)(?: not|n[o']?t) mine\b|\bopened\b.{0,24} in my name\b|\bsome(?:one|body) else already\b"
    r"|\bsome(?:one|body)(?: else)?'s (?:face|finger(?:print)?)\b"
    r"|\b(?:was|were|been|got|is) (?:stolen|hijacked|hacked)\b|\bstole\b|\bnot mine\b"
    r"|\bi never (?:added|changed|linked)|\bwithout (?:me|my knowledge|my consent)\b"
    r"|\b(?:did ?n[o']?t|never) spen[dt]\b"
    r"|(?:密码|口令|验证码).{0,6}(?:让|给|被|叫)?.{0,4}(?:别人|前男友|前女友|前夫|前妻|室友|同事|人家)(?:都|也|还)?知道"
    r"|(?:前男友|前女友|前夫|前妻|室友|同事|别人|有人)(?:都|也|还|一直|好像)*(?:知道|有)(?:了|我|我的)?(?:的)?(?:密码|口令)?"
    r"|(?:在|偷偷)用我的?(?:号|账|钱包|卡)|好像有(?:别人|人)|被(?:别?人)?(?:截图|截屏|偷拍|拍照|拍了)"
    r"|(?:绑|绑定)的?(?:手机|号码|邮箱)?(?:号)?不是我|不是我的(?:号|手机|邮箱|设备|消费)"
    r"|\b(?:some(?:one|body)(?: else)?'s|a stranger's) (?:number|phone|e-?mail|card|device|name)\b"
    r"|\bbelongs? to (?:a stranger|some(?:one|body)|another)"
    r"|\b(?:ex|roommate|flatmate|brother|sister|friend|colleague|husband|wife|boyfriend|girlfriend|son|daughter)\b"
    r" (?:\w+ ){0,2}(?:knows?|figured out|guessed|found out|can (?:open|unlock|see)|has) my\b"
    r"|\b(?:roommate|flatmate|ex|brother|sister|friend) (?:figured|found|guessed) it out\b"
    r"|\bopens? for my (?:brother|sister|son|daughter|husband|wife|ex|friend)\b"
)


def tells_of_others(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that somebody else changed or took something."""
    return _OTHERS.search(line) is not None


# What a thief does next is minutes away: a telephone or card in other hands, a payment or device that nobody knows.
_ROBBED: Final = re.compile(
    r"(?:手机|银行卡|信用卡|(?<![a-z\u4e00-\u9fff])卡|钱包)(?:昨天|今天|刚才?|都|也|又|在.{1,6})*(?:丢|偷|抢|掉|捡)(?!了?验证)"
    r"|手机丢|陌生(?:的)?(?:设备|手机|登录|地点|ip)|(?:不认识|没见过)的(?:设备|手机|消费|交易|付款|扣款)"
    r"|(?:共享|分享)了(?:我的)?屏幕|屏幕(?:共享|分享)给|远程(?:帮我|控制|操作)"
    r"|\b(?:phone|card|wallet|sim)\b(?: \w+){0,2} (?:was |were |got |has been |is )?"
    r"(?:lost|stolen|cloned|skimmed|snatched)"
    r"|\b(?:lost|stole|cloned|skimmed) (?:my|the|his|her) (?:\w+ )?(?:phone|card|wallet|sim)\b|\bmine was cloned\b"
    r"|\b(?:payment|purchase|charge|transaction|transfer|device|login)s?\b (?:\w+ ){0,2}"
    r"(?:do ?n[o']?t|did ?n[o']?t|not|never) (?:recogni[sz]e|know|make|made)"
    r"|(?:看到|看见|发现|显示|提示)[^,。;!?]{1,8}(?:的|有人?)登[录陆](?![a-z\u4e00-\u9fff])"
    r"|\b(?:log ?in|logged in|sign(?:ed)? ?in) from [a-z]+|\b(?:got|was|been|were) (?:drained|cloned|skimmed|emptied)\b"
    r"|\bknows my (?:pin|password|passcode)\b.{0,30}\b(?:buy|spend|pay)ing\b"
)
_UNHARMED: Final = re.compile(
    r"(?:如果|要是|万一|假如|怕|担心|防止|避免).{0,6}(?:丢|偷|抢|掉)|\b(?:if|in case|afraid|worried)\b"
)


def tells_of_robbery(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that a thief may be at it: a telephone, a card, a login."""
    return _ROBBED.search(line) is not None and _UNHARMED.search(line) is None


# The whole message asks what would be if: one word about what has been, and it is none.
_SUPPOSES: Final = re.compile(
    r"(?:请问|你好|想问一?下|[,:。!?\s])*(?:如果|要是|万一|假如)(?:我|的|有人|别人|被|以后|哪天|不小心)*"
    r"(?:手机|银行卡|卡|钱包|账户|账号|帐号|密码|号|钱)?(?:被|给|不小心)?(?:人|别人)?(?:盗刷|偷走|抢走|丢失|盗|偷|抢|丢|骗|黑)了?"
    r"(?:的话)?[,\s]*(?:我|你们|该|应该|会|能|要|先)*(?:怎么办|怎么处理|怎么做|做什么|赔偿?吗|赔不赔|负责吗)[,。!?\s]*"
    r"|(?:hi|hello|[,:.!?\s])*"
    r"(?:what (?:happens|would happen|should i do|do i do|can i do) (?:if|when|in case)|what if)"
    r" (?:(?:some(?:one|body)|a thief|a hacker) (?:steals|takes|hacks|finds|gets)"
    r" (?:my|a) (?:\w+ )?(?:phone|card|wallet|account|password|pin)"
    r"|my (?:phone|card|wallet|account) (?:is|gets|were to be|should be) (?:\w+ )?(?:stolen|lost|hacked|cloned))"
    r"(?: one day)?[,.!?\s]*"
)


def only_supposes(line: str) -> bool:
    """Whether a line, folded as the rules read it, asks what would be if there were a theft, and says nothing else."""
    return _SUPPOSES.fullmatch(line) is not None


_SUM: Final = (
    r"(?:(?!(?:19|20)\d\d\b)[0-9][0-9.,]+k?|[一二两三四五六七八九十百千万]{2,})"
    r"(?:多|来)?(?: ?(?:块|元|万|欧元?|美元|美金|刀|eur|euros?|usd|dollars?|bucks|gbp|pounds?|quid|cny|rmb|yuan)"
    r"(?:钱|多)?)?"
)
_LOST: Final = re.compile(
    rf"(?:{_SUM}|钱|余额)(?:都|也|又|就|突然|莫名其妙|莫名|全|凭空|一下子?)*(?:没了|没有了|不见了?|消失了?|不翼而飞|弄没|蒸发)"
    rf"|(?:又|凭空|突然|莫名其妙|莫名|无故|我|里面?|天|晚|早上|余额|钱包|账户)(?:就|也)?(?:少|没|丢)了{_SUM}"
    rf"|(?:{_SUM}|\b(?:money|savings|funds))(?: of mine| (?:from|in) my \w+)?"
    r"(?: (?:is|are|was|were|has|have|had|just|all|suddenly|simply|also|went))*"
    r" (?:disappeared|vanished|missing|gone|stolen)\b"
    rf"|\b(?:stole|stolen) (?:my money|{_SUM}(?: \w+)? from (?:me|my))"
)
# Where a payment is spoken of, its own flow knows better what has become of the money; points are none.
_OF_A_PAYMENT: Final = re.compile(
    r"失败|没成|付不|支付|付款|扫码|二维码|付款码|过期|充值?|提现|退款?|不足|转账|订单|商家|积分|优惠|红包|券|返现|记录"
    r"|fail|declin|refus|insufficient|expire|error|top.?up|withdr|cash.?out|refund|order|\bpay|\bpaid|transfer|\bqr\b"
    r"|point|coupon|voucher|bonus|cash ?back|reward|discount|histor|record|statement|contact"
    r"|因为我?(?:自己)?(?:买|花|用)了|\bbecause i (?:bought|spent|used)\b"
)


def tells_of_loss(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that money is gone, and speaks of no payment."""
    return _LOST.search(line) is not None and _OF_A_PAYMENT.search(line) is None


_WRONG_BALANCE: Final = re.compile(
    r"(?:余额|零钱)(?:显示|数字|金额|好像|似乎|完全|怎么|一直|也|都|又|跟[^,。;!?]{1,8}|和[^,。;!?]{1,8}|的)*"
    r"(?:不对|有误|不正确|错|不准|对不上|不一样|不符)"
    r"|^\W*(?:我的?)?(?:钱包|账户)?的?余额(?:好像|似乎)?有(?:点|些)?问题\W*$"
    r"|余额(?:明明|其实)?(?:够|足够|充足|很多)[^。;!?]{0,8}(?:提示|显示|说)[^。;!?]{0,4}不足"
    r"|\b(?:wrong|incorrect|inaccurate) (?:\w+ )?balance\b"
    r"|\bbalance\b (?:\w+ ){0,3}?(?:wrong|incorrect|off|inaccurate|not (?:right|correct)|is ?n't (?:right|correct))\b"
    r"|\bbalance\b (?:\w+ )?(?:does not|doesn't|do not|don't) (?:add up|match|tally|look right|fit)\b"
    r"|\bbalance\b (?:\w+ ){0,2}(?:less|lower|more|higher) than\b"
)


def tells_of_wrong_balance(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that the balance is another one than it should be."""
    return _WRONG_BALANCE.search(line) is not None


_NOT_ARRIVED: Final = re.compile(
    r"(?:钱|款|元|块|千|百|万|提现)[^,。;!?]{0,10}(?:没|未|不)有?(?:到|收到|见|进)|(?:钱|余额)(?:就|都|也)?(?:少|没)了"
    r"|\b(?:money|refund|withdrawal|transfer|payout|cash ?out|top.?up)s?\b.{0,24}(?:\bnot|n[o']?t|\bnever)"
    r" (?:\w+ ){0,2}(?:come|came|arrived?|received|there|credited|shown?)\b"
    r"|\bbank (?:account )?(?:shows|has|says) (?:zero|nothing|no)\b"
)
_WHETHER: Final = re.compile(r"(?:如果|要是|万一|会不会)|\b(?:if|what happens when)\b")


def tells_of_missing_money(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that its writer misses money, whatever has become of it."""
    is_missed = tells_of_debit(line) or _LOST.search(line) is not None or _NOT_ARRIVED.search(line) is not None
    return is_missed and _WHETHER.search(line) is None


_WISHES: Final = re.compile(
    r"(?:申请|想|要|求|怎么|如何|可以|能)[^,。;!?]{0,12}退|退[^,。;!?]{0,4}(?:可以|行|好)吗"
    r"|\b(?:want|would like|like|need|request|ask for|asking for|please|can i|could i|how (?:do|can|to))\b.{0,40}"
    r"\b(?:refund\w*|money back|return)\b"
)
_WAITS: Final = re.compile(
    r"到|没|哪|回来|多久|几天|什么时候|啥时候|何时|进度|收"
    r"|\b(?:where|when|still|yet|wait\w*|status|update|not|never|long|days?|weeks?|ago|promised|come|got)\b|n't\b"
)


def only_wishes(line: str) -> bool:
    """Whether a line, folded as the rules read it, wishes for a refund and speaks of none that it waits for."""
    return _WISHES.search(line) is not None and _WAITS.search(line) is None


_OBEYED: Final = re.compile(
    r"\b(?:i|we|i've|we've) (?:have |just |already |even |then |also )*(?:did(?! not)|done|answered|replied|clicked"
    r"|followed|filled|entered|typed|gave|sent|told|confirmed|complied|downloaded|installed|scanned)\b"
    r"|(?:^|[,.;!?:] *|\b(?:and|so|already) )(?:did|done|answered|filled|entered|sent|gave)"
    r" (?:it|that|so|them|everything|all)\b"
    r"|(?:我|已经?|都|就|刚刚?|照)(?:给|填|输入?|点开?|扫|打开|回复?|照做|弄|做|告诉|说|报|念|装|下载)"
    r"(?:他|她|对方|过去|完|好|进去)?了"
)


def has_obeyed(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that its writer has done what somebody wanted."""
    return _OBEYED.search(line) is not None


_TOLD_TO: Final = re.compile(
    r"(?:人|客服|商家|对方|他|她)(?:让|叫|要|联系)我|联系我的|\b(?:told|asked|called|contacted|texted) me\b"
)


def was_told_to(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that somebody wants something of its writer."""
    return _TOLD_TO.search(line) is not None


# What may stand beside the taking back and says nothing of its own: a greeting, thanks, an excuse, a case's number.
_ASIDE: Final = (
    r"(?:(?:你们?好|您好|客服|好的|好吧|哦|嗯|(?:谢谢|感谢|多谢)(?:你们?|您)?(?:的帮助|的帮忙)?[了啦]?|(?:辛苦|麻烦|打扰)(?:你们?|您)?了"
    r"|不好意思|抱歉|对不起|hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|there|team|support"
    r"|oh|ok(?:ay)?|now|actually"
    r"|please|thank you|thanks|many thanks|a lot|so much|very much|again"
    r"|for (?:your|the|all your) (?:help|time|support|patience)"
    r"|sorry|my apologies|for (?:the|any) (?:trouble|bother|inconvenience|confusion)|to (?:have )?bother(?:ed)? you"
    r"|(?:best |kind )?regards|cheers"
    r"|(?:case |工单|number |号)?(?:case_[a-z0-9]+|(?=[a-z-]*[0-9])[a-z0-9-]{8,40}))(?![a-z0-9'])\s*)*"
)
_REQUEST_ZH: Final = r"(?:投诉|工单|请求|报案|咨询|申诉|反馈|问题)"
_REQUEST: Final = r"(?:request|complaint|case|ticket|report|claim|inquiry|enquiry|question)"
_TAKES_BACK: Final = (
    rf"(?:请|麻烦|帮我|我|想|要|决定|现在)*(?:撤销|撤回|撤掉|取消|关闭|关掉)掉?(?:我|这个?|该|之前|刚才|上次|的)*{_REQUEST_ZH}吧?"
    rf"|(?:请|麻烦|帮我|我|想|要)*把(?:我的?|这个?|该)?{_REQUEST_ZH}(?:撤销|撤回|撤了|撤掉|取消|关闭|关了|关掉)吧?"
    r"|(?:我|已经?|现在|就)*(?:不用|不必|无需|不需要)(?:你们|您)?(?:再|继续)?(?:处理|管|查|跟进|帮忙|帮)了?"
    r"|(?:我的?|这个?)?(?:问题|事情|这事)?(?:现在|已经?|自己|都)*(?:解决|处理好|搞定|弄好)了|(?:问题)?已经?(?:解决|处理好)|当我没说|(?:现在)?没事了|我?不投诉了"
    r"|(?:i (?:want|wish|would like) to |i'd like to |you (?:can|may) |(?:can|could) you )?(?:please |just |now )*"
    r"(?:cancel|withdraw|close|drop|retract|take back)(?: my| this| that| the| our)?"
    rf"(?: (?:last|earlier|previous|support|refund))? {_REQUEST}"
    rf"|i (?:hereby )?withdraw (?:it|this|that|my {_REQUEST})|never ?mind(?: (?:me|it|that|this))?"
    r"|i (?:no longer|do ?n[o']?t) need (?:your |any )?(?:help|assistance)(?: any ?more)?"
    r"|(?:it|this|that|everything|the (?:problem|issue|matter)|my (?:problem|issue)) ?(?:'s|is|has been|was|got)"
    r" (?:already |now |all )?(?:solved|resolved|sorted(?: out)?|settled|fixed)(?: now| already)?"
    r"|(?:my |the )?problem solved"
    r"|i (?:have |already )*(?:solved|fixed|resolved|sorted) (?:it|this|that)(?: out)?(?: myself)?"
)
_CLAUSE: Final = re.compile(rf"\s*{_ASIDE}(?P<taken>(?:{_TAKES_BACK})(?![a-z0-9']))?\s*{_ASIDE}")
_CLAUSES: Final = re.compile(r"[^\w\s'?-]+|\n|\band\b|(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")
_SHORT: Final = 160  # characters; who writes more has more to say


def withdraws(line: str) -> bool | None:
    """Whether a line, folded as the rules read it, takes back what its writer has asked for, and says nothing else.

    None: a clause of it does, and others say more, so what is wanted is for a person to see.
    """
    if len(line) > _SHORT:
        return False
    clauses = [_CLAUSE.fullmatch(each) for each in _CLAUSES.split(line)]
    if not any(each is not None and each["taken"] for each in clauses):
        return False
    return True if all(clauses) else None


_GOES_ON: Final = re.compile(
    r"(?:没|未|不)有?(?:被)?(?:解决|处理好?|搞定)|重新(?:打开|处理)|重开|不(?:同意|认可)"
    r"|\bunsolved\b|\bre-?open\b|\bstill (?:not|waiting|missing|no)\b|\bdisagree|(?:\bnot|n't) agree\b"
    r"|(?:\bnot|\bnever|n't) (?:\w+ ){0,2}(?:solved|resolved|sorted|settled|fixed|over|done|here|back|arrived)\b"
)


def is_not_over(line: str) -> bool:
    """Whether a line, folded as the rules read it, says that what it is about is not settled: no thanks, then."""
    return _GOES_ON.search(line) is not None or tells_of_missing_money(line)
