"""The fixed stock of the world: goods, articles, places, names. All of it is invented."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]

CATEGORIES = ("electronics", "fashion", "beauty", "grocery", "home", "sports", "books", "toys")
_BASE_PRICE = (260.0, 85.0, 60.0, 30.0, 75.0, 80.0, 22.0, 40.0)
POPULARITY = np.array([0.13, 0.18, 0.13, 0.22, 0.12, 0.08, 0.07, 0.07])
# Share of each favourite category by gender: the only way gender shows in behaviour.
TASTE_BY_GENDER = {
    "f": np.array([0.07, 0.26, 0.24, 0.13, 0.12, 0.05, 0.07, 0.06]),
    "m": np.array([0.27, 0.09, 0.03, 0.13, 0.09, 0.23, 0.09, 0.07]),
}
RUNGS = 25  # items a category, from cheap to dear
_STEP = 0.20  # log price between two rungs

ARTICLES = ("sport", "finance", "travel", "food", "tech")
ARTICLE_OF_TASTE = np.array([4, 2, 2, 3, 3, 0, 1, 4])

CITIES = (
    "Beijing", "Shanghai", "Guangzhou", "Shenzhen", "Chengdu", "Hangzhou",
    "Wuhan", "Nanjing", "Xi'an", "Suzhou", "Qingdao", "Changsha",
)  # fmt: skip
STREETS = (
    "Lake Road", "Hill Lane", "Garden Street", "River Street", "Park Avenue", "Temple Lane",
    "Bridge Street", "Station Road", "Bamboo Lane", "Peach Street", "Harbour Road", "Mill Lane",
)  # fmt: skip
STORES_PER_CITY = 3
APP_IDS = ("wx1d3m0shop0000001", "wx2d3m0club0000002")
CAMPAIGNS = ("instalment", "spring_sale", "brand")
AD_CHANNELS = ("display", "search", "social", "video")
# utm_source -> utm_medium, and the page before, where the browser tells it
UTM = {
    "google": ("cpc", "https://www.google.com/"),
    "weibo": ("social", "https://weibo.com/"),
    "newsletter": ("email", None),
    "partner": ("affiliate", "https://partner.example.org/"),
}
UTM_SOURCES = tuple(UTM)
# pages before of visits without utm parameters, a tenth of them each; the others have none
REFERRERS = ("https://www.baidu.com/link", "https://www.baidu.com/link", "https://cn.bing.com/",
             "https://www.zhihu.com/", "https://news.example.org/")  # fmt: skip
WEB_SCREENS = ("1920x1080", "1366x768", "1440x900", "390x844", "2560x1440")

SURNAMES = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
SURNAMES_LATIN = (
    "wang", "li", "zhang", "liu", "chen", "yang", "zhao", "huang", "zhou", "wu",
    "xu", "sun", "hu", "zhu", "gao", "lin", "he", "guo", "ma", "luo",
)  # fmt: skip
GIVEN = {
    "f": tuple("丽娟芳婷静敏燕玲雪梅霞秀莉萍慧洁佳怡欣媛"),
    "m": tuple("伟强军磊勇杰涛刚超辉鹏飞斌浩宇健亮龙峰志"),
}
GIVEN_NEUTRAL = tuple("文华晓海春平安宁林雨云明")
GIVEN_ENGLISH = {
    "f": ("Alice", "Emma", "Grace", "Helen", "Julia", "Linda", "Nora", "Sophie"),
    "m": ("Adam", "David", "Frank", "George", "Henry", "Jack", "Oscar", "Peter"),
}


def sku(item: int) -> str:
    """The article number of item 0 .. items - 1."""
    return f"SKU-{CATEGORIES[item // RUNGS][:3].upper()}-{item % RUNGS:03d}"


SKUS = tuple(sku(item) for item in range(len(CATEGORIES) * RUNGS))


def list_prices() -> Array:
    """List price of every item, in yuan, ordered by category and rung."""
    ladder = np.exp((np.arange(RUNGS) - RUNGS // 2) * _STEP)
    return np.round(np.outer(_BASE_PRICE, ladder).ravel(), 2)


def full_name(gender: str, draws: Array) -> str:
    """A made-up name; five draws in [0, 1) decide its parts."""
    surname = int(draws[0] * len(SURNAMES))
    if draws[1] < 0.15:
        given = GIVEN_ENGLISH[gender]
        return f"{given[int(draws[2] * len(given))]} {SURNAMES_LATIN[surname].title()}"
    # One given character in eight says nothing about the gender.
    stocks = [GIVEN_NEUTRAL if draw % 0.1 < 0.0125 else GIVEN[gender] for draw in draws[2:4]]
    given_name = [
        stock[int(draw * len(stock))] for stock, draw in zip(stocks, draws[2:4], strict=True)
    ]
    return SURNAMES[surname] + "".join(given_name[: 1 if draws[4] < 0.35 else 2])


def catalogue_rows() -> pa.Table:
    """The catalogue of goods: sku, name, category, list_price."""
    kinds = [CATEGORIES[item // RUNGS] for item in range(len(SKUS))]
    return pa.table(
        {
            "sku": list(SKUS),
            "name": [f"{kind.title()} model {i % RUNGS + 1}" for i, kind in enumerate(kinds)],
            "category": kinds,
            "list_price": list_prices(),
        }
    )
