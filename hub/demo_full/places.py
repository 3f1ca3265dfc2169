"""148 countries and regions, each with how people are called there, and some of its cities."""

# Tables: rows are kept on one line, words in one text.
# ruff: noqa: SIM905

from __future__ import annotations

from typing import Final

#: Ways of naming -> countries and regions (ISO 3166-1 alpha-2) where it is at home.
CULTURES: Final[dict[str, str]] = {
    "chinese": "CN HK MO TW SG",
    "japanese": "JP",
    "korean": "KR",
    "vietnamese": "VN",
    "southeast": "TH ID MY PH MM KH LA BN TL",
    "indian": "IN LK NP BD BT MV MU FJ",
    "arabic": "SA AE QA KW BH OM JO LB SY IQ YE PS EG LY TN DZ MA MR SD DJ SO KM",
    "persian": "IR AF TJ PK",
    "turkic": "TR AZ KZ UZ KG TM MN",
    "slavic": "RU UA BY BG PL CZ SK SI HR RS BA MK ME",
    "baltic": "LT LV EE FI",
    "nordic": "SE NO DK IS",
    "germanic": "DE AT CH NL LU BE LI",
    "romance": "FR IT RO MD MC MT",
    "spanish": "ES MX AR CL CO PE VE EC BO PY UY CR PA GT HN SV NI DO CU",
    "portuguese": "PT BR AO MZ CV GW ST",
    "english": "GB IE US CA AU NZ JM BS BB TT GY BZ PG WS TO VU",
    "hellenic": "GR CY AM GE IL AL HU",
    "westafrican": "NG GH SN CI ML BF BJ TG NE GN SL LR CM GA CD",
    "eastafrican": "KE TZ UG RW ET ZM ZW BW ZA NA MW MG",
}

CULTURE_OF: Final[dict[str, str]] = {
    code: culture for culture, codes in CULTURES.items() for code in codes.split()
}
#: Left out so that there are 148, as the fair of 2020 counted them.
_LEFT_OUT: Final = frozenset(
    ("TL BT MV FJ KM DJ PS LI MC MK ST GW BB BZ TO VU WS SL LR GA").split()
)
COUNTRIES: Final[tuple[str, ...]] = tuple(code for code in CULTURE_OF if code not in _LEFT_OUT)[
    :148
]

#: How many times as many come from there as from another one.
WEIGHTS: Final[dict[str, int]] = {
    "CN": 320, "HK": 22, "MO": 8, "TW": 12, "SG": 16, "JP": 22, "KR": 18, "VN": 9, "TH": 10,
    "ID": 9, "MY": 10, "IN": 16, "PK": 8, "SA": 6, "AE": 12, "EG": 6, "TR": 7, "KZ": 6, "RU": 16,
    "DE": 20, "FR": 16, "IT": 13, "GB": 18, "US": 24, "CA": 9, "AU": 11, "NZ": 4, "BR": 10,
    "MX": 6, "AR": 4, "ES": 9, "NL": 8, "CH": 7, "SE": 5, "PL": 5, "ZA": 6, "NG": 6, "KE": 5,
    "ET": 4, "PH": 6, "GR": 3, "HU": 3, "RS": 3, "BE": 4, "IE": 4, "DK": 3, "NO": 3, "FI": 3,
}  # fmt: skip

#: Cities that companies are named after, where they are.
CITIES: Final[dict[str, str]] = {
    "CN": "Beijing Shanghai Shenzhen Guangzhou Hangzhou Chengdu Wuhan Nanjing Xiamen Tianjin",
    "HK": "Kowloon Victoria", "JP": "Tokyo Osaka Nagoya Fukuoka", "KR": "Seoul Busan Incheon",
    "VN": "Hanoi Saigon Danang", "TH": "Bangkok Phuket", "ID": "Jakarta Surabaya Bandung",
    "MY": "Penang Johor Malacca", "PH": "Manila Cebu", "IN": "Mumbai Bangalore Chennai Pune",
    "SA": "Riyadh Jeddah", "AE": "Dubai Sharjah", "EG": "Cairo Alexandria", "TR": "Istanbul Izmir",
    "RU": "Moscow Kazan Neva", "PL": "Krakow Gdansk", "DE": "Berlin Hamburg Hansa Rhein Isar",
    "FR": "Lyon Paris Atlantique", "IT": "Milano Torino Adria", "ES": "Madrid Sevilla",
    "MX": "Monterrey Puebla", "AR": "Rosario Mendoza", "CL": "Valparaiso", "PE": "Lima Cusco",
    "BR": "Paulista Recife", "PT": "Porto Lisboa", "GB": "Thames Mersey Camden Bristol",
    "IE": "Galway Liffey", "US": "Boston Austin Denver Harbor", "CA": "Toronto Pacific",
    "AU": "Sydney Southern", "NZ": "Otago Tasman", "GR": "Aegean Attica", "NG": "Lagos Abuja",
    "GH": "Accra Volta", "KE": "Nairobi Mombasa", "TZ": "Zanzibar", "ZA": "Cape Karoo",
    "ET": "Addis", "SE": "Malmö Göteborg", "NO": "Bergen Fjord", "DK": "Aarhus Øresund",
    "NL": "Amstel Rotterdam", "CH": "Zürich Helvetia", "AT": "Wien Donau", "FI": "Helsinki",
}  # fmt: skip

LANGUAGES: Final[dict[str, tuple[str, ...]]] = {
    "chinese": ("zh-Hans", "en"), "japanese": ("ja", "en"), "korean": ("ko", "en"),
    "vietnamese": ("vi", "en"), "arabic": ("ar", "en"), "persian": ("fa", "en"),
    "slavic": ("ru", "en"), "germanic": ("de", "en"), "romance": ("fr", "en"),
    "spanish": ("es", "en"), "portuguese": ("pt", "en"), "westafrican": ("fr", "en"),
}  # fmt: skip
