"""Draws people, companies and conferences from the tables: the same seed, the same fair.

What comes out are records as the imports read them from a sheet, so that the fair goes in by
the same code as anybody's.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final

from hub.demo_full import names, places, trades

Record = dict[str, Any]
SECTORS: Final = tuple(trades.TRADES)
HOUR_MS: Final = 3_600_000
#: (starts, minutes) of a day's conferences in a hall, from midnight of the fair's zone.
SLOTS: Final = ((9.0, 75), (10.5, 75), (13.5, 60), (15.0, 90), (17.0, 45))
_DOMAIN: Final = "example.com"  # reserved for examples (RFC 2606): no mail reaches anybody


class Invention:
    """Everything is drawn in one order from one generator."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._chance = random.Random(seed)
        countries = places.COUNTRIES
        self._countries = countries
        self._weights = [places.WEIGHTS.get(code, 2) for code in countries]

    # --- people ---------------------------------------------------------------------------

    def _chinese(self) -> tuple[str, str]:
        """(name as written, its reading)."""
        family = self._chance.choice(names.CHINESE_FAMILY)
        given = self._chance.choices(names.CHINESE_GIVEN, k=self._chance.choice((1, 2, 2)))
        written = family[0] + "".join(part[0] for part in given)
        reading = "".join(part[1:] for part in given).capitalize()
        return written, f"{family[1:]} {reading}"

    def _name(self, culture: str) -> tuple[str, str]:
        """(name, its Latin letters for an address)."""
        if culture == "chinese":
            written, reading = self._chinese()
            shown = written if self._chance.random() < 0.7 else f"{reading} {written}"
            return shown, reading
        given, family = names.NAMES[culture]
        first = self._chance.choice(given.split())
        last = self._chance.choice(_families(family))
        if culture in {"korean", "vietnamese"}:
            return f"{last} {first}", f"{first} {last}"
        return f"{first} {last}", f"{first} {last}"

    def people(self, count: int, companies: Sequence[Record]) -> Iterator[Record]:
        """People; about one in three works for one of ``companies``."""
        by_country: dict[str, list[Record]] = {}
        for company in companies:
            by_country.setdefault(company["country"], []).append(company)
        for number in range(count):
            country = self._chance.choices(self._countries, self._weights)[0]
            culture = places.CULTURE_OF[country]
            name, latin = self._name(culture)
            mine = by_country.get(country)
            employer = self._chance.choice(mine) if mine and number % 3 == 0 else None
            organisation = employer["name"] if employer else self._organisation(country, culture)
            title = self._chance.choice(names.TITLES)
            address = f"{_ascii(latin)}.{number}@{_DOMAIN}"
            interests = self._chance.sample(SECTORS, self._chance.choice((1, 2, 2, 3)))
            yield {
                "external_key": f"demo-{self.seed}-p{number}",
                "name": name,
                "email": (address, address),
                "country": country,
                "organisation": organisation,
                "position": title[1] if culture == "chinese" and country != "SG" else title[0],
                "sectors": sorted(interests),
                "languages": list(places.LANGUAGES.get(culture, ("en",))),
                "language": "zh-Hans" if culture == "chinese" else "en",
            }

    def _organisation(self, country: str, culture: str) -> str:
        return self._company_name(country, culture, self._chance.choice(SECTORS))[0]

    # --- companies ------------------------------------------------------------------------

    def _company_name(self, country: str, culture: str, sector: str) -> tuple[str, str, str]:
        """(name, English name, Chinese name)."""
        word = self._chance.choice(trades.TRADES[sector].words)
        stem = self._chance.choice(trades.STEMS)
        chinese = "".join(self._chance.sample(trades.CHINESE_STEMS, 2))
        if culture == "chinese" and country in {"CN", "TW", "HK", "MO"}:
            city = self._chance.choice(trades.CHINESE_CITIES) if country == "CN" else ""
            written = f"{city}{chinese}{word[1]}有限公司"
            place = self._chance.choice(places.CITIES.get(country, stem).split())
            first = "" if place == stem else f"{place} "
            return written, f"{first}{stem} {word[0]} Co., Ltd.", written
        form = self._chance.choice(trades.FORMS_OF_LAW.get(culture, ("Ltd",)))
        _given, families = names.NAMES.get(culture, names.NAMES["english"])
        city = self._chance.choice(places.CITIES.get(country, stem).split())
        first = self._chance.choice((city, stem, self._chance.choice(_families(families))))
        second = self._chance.choice([other for other in trades.STEMS if other != first])
        english = f"{first} {second} {word[0]} {form}"
        return english, english, f"{chinese}{word[1]}"

    def companies(self, count: int) -> Iterator[Record]:
        """Companies; every country has some, each name stands once in its country."""
        seen: set[tuple[str, str]] = set()
        for number in range(count):
            first_round = number < len(self._countries)
            country = (
                self._countries[number]
                if first_round
                else self._chance.choices(self._countries, self._weights)[0]
            )
            culture = places.CULTURE_OF[country]
            sector = SECTORS[self._chance.randrange(len(SECTORS))]
            name, english, chinese = self._company_name(country, culture, sector)
            while (name, country) in seen:
                name, english, chinese = self._company_name(country, culture, sector)
            seen.add((name, country))
            does = self._chance.sample(trades.TRADES[sector].does, 2)
            since = self._chance.randint(1962, 2019)
            on_site = self._chance.random() < 0.45
            hall, stand = "ABCDEFGH"[SECTORS.index(sector) % 8], number % 900 + 100
            yield {
                "external_key": f"demo-{self.seed}-c{number}",
                "slug": f"{_ascii(english).replace('.', '-')[:50].strip('-')}-{number}",
                "name": name,
                "name_en": english,
                "name_zh": chinese,
                "sector": sector,
                "country": country,
                "summary_en": f"{does[0][0].capitalize()}, and {does[1][0]}.",
                "summary_zh": f"主营{does[0][1]}，兼营{does[1][1]}。",
                "about_en": f"{english} has worked since {since}. We offer {does[0][0]} and "
                f"{does[1][0]}, and look for partners at this fair.",
                "about_zh": f"{chinese}成立于{since}年，主要从事{does[0][1]}与{does[1][1]}，"
                "期待在本届展会结识合作伙伴。",
                "website": f"https://{_ascii(english).split('.')[0]}-{number}.{_DOMAIN}",
                "on_site": on_site,
                "online": not on_site or self._chance.random() < 0.8,
                **({"booth": f"{hall}{stand}"} if on_site else {}),
            }

    # --- rooms and conferences ------------------------------------------------------------

    def rooms(self, count: int) -> Iterator[Record]:
        for number in range(count):
            hall, place = "ABCDEFGH"[number % 8], number // 8 + 1
            capacity = (1000, 500, 500, 100, 100, 100)[number % 6]
            yield {
                "slug": f"hall-{hall.lower()}{place}",
                "title": f"Hall {hall}{place} · {hall}{place} 会议厅",
                "capacity": capacity,
                "guests": True,
            }

    def conferences(
        self, days: Sequence[int], rooms: Sequence[Record], companies: Sequence[Record], count: int
    ) -> Iterator[Record]:
        """``days``: midnights of the fair's days, ms. No two overlap in a room."""
        places_ = [(day, room, slot) for day in days for slot in SLOTS for room in rooms]
        chosen = sorted(self._chance.sample(range(len(places_)), min(count, len(places_))))
        for number, place in enumerate(chosen):
            day, room, (starts, minutes) = places_[place]
            yield self._conference(number, day + int(starts * HOUR_MS), minutes, room, companies)

    def _conference(
        self, number: int, starts: int, minutes: int, room: Record, companies: Sequence[Record]
    ) -> Record:
        sector = SECTORS[number % len(SECTORS)]
        topic = self._chance.choice(trades.TRADES[sector].topics)
        form, angle = self._chance.choice(trades.FORMS), self._chance.choice(trades.ANGLES)
        english = f"{form[0]} {topic[0]}: {angle[0]}".replace(": :", ":").replace("  ", " ")
        chinese = f"{form[1]}{topic[1]}——{angle[1]}"
        hosts = [firm for firm in companies if firm["sector"] == sector]
        host = self._chance.choice(hosts or companies)
        people = [
            f"{self._name(places.CULTURE_OF[host['country']])[0]}; {host['name'].replace(';', '')}"
            f"; {self._chance.choice(names.TITLES)[0]}"
            for _ in range(self._chance.randint(1, 4))
        ]
        return {
            "external_key": f"demo-{self.seed}-k{number}",
            "slug": f"talk-{self.seed}-{number}",
            "title": chinese if self._chance.random() < 0.5 else english,
            "title_en": english,
            "title_zh": chinese,
            "about_en": f"{topic[0]}, seen through {angle[0]}. With questions from the audience, "
            "interpreted between Chinese and English.",
            "about_zh": f"围绕“{topic[1]}”展开，侧重{angle[1]}。设有提问环节，提供中英文同声传译。",
            "sector": sector,
            "languages": ["zh-Hans", "en"],
            "room": room["slug"],
            "starts": starts,
            "ends": starts + minutes * 60_000,
            "company": host["slug"],
            "speakers": " | ".join(["host: " + people[0], *people[1:]]),
        }


def _families(text: str) -> list[str]:
    """Family names; particles belong to what follows."""
    found: list[str] = []
    held = ""
    for word in text.split():
        if word in {"de", "van", "dos"}:
            held = f"{word} "
            continue
        found.append(held + word)
        held = ""
    return found


_LETTERS: Final = str.maketrans("øØłŁđĐßıəŋ", "oOlLdDsien")


def _ascii(text: str) -> str:
    """``Jürgen Ötzi`` as ``jurgen.otzi``."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore")
    words = "".join(c if c.isalnum() else " " for c in plain.decode().lower()).split()
    return ".".join(words) or "x"
