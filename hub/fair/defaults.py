"""What a fair begins with: twelve sectors and a privacy text, until the organiser changes them.

The sectors are the twelve of the Services Sectoral Classification List, WTO document
MTN.GNS/W/120 (10 July 1991), which services fairs go by, in the order of that list.
"""

from __future__ import annotations

from typing import Final

from hub.ports.fair import Privacy, Sector


def _sector(slug: str, en: str, zh: str) -> Sector:
    return Sector(slug, {"en": en, "zh-Hans": zh})


SECTORS: Final = (
    _sector("business", "Business services", "商业服务"),
    _sector("communication", "Telecommunications and information", "通信与信息服务"),
    _sector("construction", "Construction and engineering", "建筑与工程服务"),
    _sector("distribution", "Distribution and trade", "分销与贸易服务"),
    _sector("education", "Education", "教育服务"),
    _sector("environment", "Environmental services", "环境服务"),
    _sector("finance", "Financial services", "金融服务"),
    _sector("health", "Health and social services", "健康与社会服务"),
    _sector("tourism", "Tourism and travel", "旅游与旅行服务"),
    _sector("culture", "Culture, sports and recreation", "文化、体育与娱乐服务"),
    _sector("transport", "Transport and logistics", "运输与物流服务"),
    _sector("other", "Other services", "其他服务"),
)

_ENGLISH: Final = """\
The organiser of this fair keeps what you enter when you register: your name, e-mail address, \
country or region, organisation, position, sectors of interest and languages. It is used to let \
you in, to tell you about what you chose, and to count visitors.

Other participants see your name. They see your organisation, position and country only if you \
allow it; you can change that at any time on your account page.

Companies learn who you are when you leave them your card, not when you only look at their page.

An identity number that you give for entry on site is kept encrypted, shown to nobody but the \
staff who check it, and erased when the fair is over.

The organiser keeps a record of which conferences you entered, and when, to show attendance to \
the speakers' hosts.

You can download everything kept about you, or have it erased, on your account page."""

_CHINESE: Final = """\
本届展会的主办方会保存您注册时填写的信息：姓名、电子邮箱、国家或地区、单位、职务、感兴趣的领域和语言。\
这些信息用于办理入场、通知您所选的活动以及统计参会人数。

其他参会者可以看到您的姓名。只有在您允许的情况下，他们才能看到您的单位、职务和国家；您可以随时在账户页面更改。

只有当您主动递交名片时，企业才会知道您是谁；仅浏览企业页面不会透露您的身份。

您为现场入场提供的证件号码会加密保存，只有负责核验的工作人员可以查看，并在展会结束后删除。

主办方会记录您参加了哪些会议以及进出时间，用于向会议主办方提供出席情况。

您可以在账户页面下载我们保存的关于您的全部信息，或要求将其删除。"""

PRIVACY: Final = Privacy(1, {"en": _ENGLISH, "zh-Hans": _CHINESE}, None)
LANGUAGES: Final = ("en", "zh-Hans")
