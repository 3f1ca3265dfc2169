"""The sample fair's business: meetings in each state, talks, an invitation, a missed ring, and
results on their way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from rooms.appointments import State
from tests.pages import past

#: Days from today; whoever makes meetings takes one of their own, as nobody is booked twice.
DAYS: Final = count(1)
LENGTH: Final = timedelta(minutes=30)
AGENDA: Final = "1. Berths 7 and 8\n2. Delivery and training\n3. Service for ten years 十年服务"
#: title, in Chinese, kind, sector, the other party and its country, amount in cents
RELEASED: Final = (
    ("Cranes for two berths in Lisbon", "里斯本两个泊位的岸桥供货", "agreement", "finance",
     "Porto de Águas Claras", "PT", (1_250_000_000, "EUR")),
    ("Training centre for port pilots", "引航员培训中心", "strategic_cooperation", "education",
     "Escola Náutica Atlântico", "BR", None),
    ("Cold chain from Santos to Tianjin", "桑托斯至天津冷链", "letter_of_intent", "transport",
     "Mateus Almeida Logística", "BR", (430_000_000, "USD")),
    ("Remote maintenance of harbour tugs", "港口拖轮远程维护", "launch", "business",
     "Nordlicht Marine GmbH", "DE", (86_000_000, "EUR")),
)  # fmt: skip


class Business:
    """``act`` is (who, method, path, body) -> answer; ``organise`` the same without ``who``."""

    def __init__(
        self,
        act: Callable[..., Any],
        organise: Callable[..., Any],
        ids: Mapping[str, str],
        company: str,
    ) -> None:
        self._act, self._organise, self._ids, self._company = act, organise, ids, company
        #: ids of meetings that ``past.let_pass`` is to bring into these states
        self.passing: dict[State, str] = {}

    def furnish(self) -> dict[str, str]:
        """What the paths of the pages hold."""
        self._act(
            "visitor", "POST", f"/companies/{self._company}/rings", {"subject": "Spare parts"}
        )
        return {**self._meetings(), **self._talks()}

    def _meetings(self) -> dict[str, str]:
        today = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
        at = today + timedelta(days=next(DAYS))

        def span(place: int) -> dict[str, str]:
            starts = at + place * LENGTH
            return {"starts_at": starts.isoformat(), "ends_at": (starts + LENGTH).isoformat()}

        items: list[dict[str, Any]] = [{**span(n), "place": "both"} for n in range(8)]
        items.append({**span(10), "form": "group", "title": "Live demo 现场演示", "capacity": 20})
        path = f"/companies/{self._company}"
        made = self._act("exhibitor", "POST", f"{path}/slots", {"items": items})["items"]
        subjects = ("Cranes for two new berths", "Service contract 服务合同", "Spare parts",
                    "Training of operators", "Harbour tugs")  # fmt: skip
        asked = [
            self._act(
                "visitor", "POST", f"{path}/appointments",
                {"slot": slot["id"], "subject": subject, "place": "online",
                 "note": "We met in Hall 3.\n我们在三号馆见过面。", "anyway": True},
            )["id"]
            for slot, subject in zip(made, subjects, strict=False)
        ]  # fmt: skip
        acts = (
            ("accept", {}), None, ("propose", {**span(12), "reason": "We are in Hall 2 then."}),
            ("decline", {"reason": "Please ask our colleagues from São Paulo."}), ("accept", {}),
        )  # fmt: skip
        for id, act in zip(asked, acts, strict=True):
            if act is not None:
                body = {"action": act[0], **act[1]}
                self._act("exhibitor", "POST", f"/appointments/{id}/actions", body)
        self.passing = past.ask(self._act, self._company, today + timedelta(days=next(DAYS)))
        called_off = {"action": "cancel", "reason": "Our flight is late."}
        self._act("visitor", "POST", f"/appointments/{asked[4]}/actions", called_off)
        return {"day": at.date().isoformat(), "slot": made[6]["id"]}

    def _talk(self, subject: str, *, guest: bool, **fields: Any) -> str:
        members = [{"person": self._ids["exhibitor"], "side": self._company, "role": "host"}]
        if guest:
            members.append({"person": self._ids["visitor"], "side": "guest"})
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        made = self._organise("POST", "/negotiations", {
            "mode": "one_to_many", "subject": subject, "company": self._company, "capacity": 8,
            "agenda": AGENDA, "members": members, "starts_at": now.isoformat(),
            "ends_at": (now + timedelta(minutes=45)).isoformat(), **fields,
        })  # fmt: skip
        return str(made["items"][0]["room"])

    def _talks(self) -> dict[str, str]:
        talk = self._talk("Cranes for two new berths", guest=True)
        lobby = self._talk("Prices and delivery", guest=True, lobby=True)
        other = self._talk("Partners of the south 南方伙伴", guest=False, capacity=20)
        path = f"/negotiations/{other}/invites"
        invite = self._act("exhibitor", "POST", path, {"person": self._ids["visitor"]})
        results = self._results(talk)
        return {
            "talk": talk, "lobby": lobby, "secret": invite["url"].rpartition("/")[2], **results,
        }  # fmt: skip

    def _results(self, talk: str) -> dict[str, str]:
        found = {}
        for row in RELEASED:
            one = self._confirmed(talk, row)
            self._organise("POST", f"/results/{one}/actions", {"action": "release"})
            found["released"] = found.get("released", one)
        found["ready"] = self._confirmed(talk, RELEASED[2])
        found["confirming"] = self._asked(talk, RELEASED[1])["id"]
        found["draft"] = self._recorded(talk, RELEASED[3])["id"]
        return found

    def _recorded(self, talk: str, row: tuple[Any, ...]) -> dict[str, Any]:
        title, chinese, kind, sector, party, country, amount = row
        answer = self._act("exhibitor", "POST", f"/negotiations/{talk}/results", {
            "kind": kind, "sector": sector, "signed_on": datetime.now(UTC).date().isoformat(),
            "parties": [
                {"company": self._company},
                {"name": party, "country": country, "person": self._ids["visitor"]},
            ],
            "titles": {"en": title, "zh-Hans": chinese},
            "texts": {
                "en": "Both parties begin this year.\n\nA steering group meets each quarter.",
                "zh-Hans": "双方将于今年启动合作。\n\n指导小组每季度召开一次会议。",
            },
            "amount": amount and {"value": amount[0], "currency": amount[1]},
        })  # fmt: skip
        return dict(answer)

    def _asked(self, talk: str, row: tuple[Any, ...]) -> dict[str, Any]:
        one = self._recorded(talk, row)
        path = f"/results/{one['id']}/actions"
        self._act("exhibitor", "POST", path, {"action": "submit", "version": one["version"]})
        confirm = {"action": "confirm", "version": one["version"], "digest": one["own"]["digest"]}
        self._act("exhibitor", "POST", path, confirm)
        return one

    def _confirmed(self, talk: str, row: tuple[Any, ...]) -> str:
        one = self._asked(talk, row)
        confirm = {"action": "confirm", "version": one["version"], "digest": one["own"]["digest"]}
        self._act("visitor", "POST", f"/results/{one['id']}/actions", confirm)
        return str(one["id"])
