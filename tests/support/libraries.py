"""What the libraries of the examples must give: plain SQL for DuckDB, written apart from them.

Of a pair the first is an aggregate by user over `lines`, the second the rows it looks at.
"""

# u, kind, d (day), amount, q, invoice, country, band, stock
RETAIL_LINES = """
    CREATE VIEW lines AS
    SELECT regexp_replace(CustomerID, '\\.0$', '') AS u,
           CASE WHEN InvoiceNo LIKE 'C%' OR Quantity::INT < 0 THEN 'back' ELSE 'bought' END AS kind,
           InvoiceDate::TIMESTAMP::DATE AS d,
           (Quantity::DECIMAL(18, 3) * UnitPrice::DECIMAL(18, 3))::DECIMAL(28, 8) AS amount,
           Quantity::INT AS q, InvoiceNo AS invoice, Country AS country, StockCode AS stock,
           CASE WHEN UnitPrice::DOUBLE < 1.5 THEN 'low' WHEN UnitPrice::DOUBLE < 5 THEN 'middle'
                ELSE 'high' END AS band
    FROM read_csv('{file}', all_varchar = true) WHERE CustomerID IS NOT NULL
"""
_STREAK = """
    SELECT u, max(n) FROM (
        SELECT u, count(*) AS n FROM (
            SELECT u, d - row_number() OVER (PARTITION BY u ORDER BY d)::INT AS island
            FROM (SELECT DISTINCT u, d FROM lines WHERE {where})
        ) GROUP BY u, island
    ) GROUP BY u
"""
_TOP = """
    SELECT u, {column} FROM (
        SELECT u, {column}, row_number() OVER (PARTITION BY u ORDER BY {by} DESC, {column}) AS place
        FROM lines WHERE kind = 'bought' GROUP BY u, {column} HAVING {by} > 0
    ) WHERE place = 1
"""
_SHARE = """
    WITH measured AS (SELECT u, {measure} AS m FROM lines WHERE {where} GROUP BY u)
    SELECT u, true FROM measured
    WHERE m >= (SELECT quantile_cont(m, {cut}) FROM measured WHERE m > 0) AND m > 0
"""
_BOUGHT = "kind = 'bought'"
_M30, _M90 = (f"{_BOUGHT} AND d >= DATE '{first}'" for first in ("2011-11-10", "2011-09-11"))
_COUNTRY = _TOP.format(column="country", by="count(*)")
RETAIL: dict[str, tuple[str, str] | str] = {
    "lines_30d": ("count(*)", _M30),
    "lines_90d": ("count(*)", _M90),
    "invoices": ("count(DISTINCT invoice)", _BOUGHT),
    "invoices_90d": ("count(DISTINCT invoice)", _M90),
    "purchase_days": ("count(DISTINCT d)", _BOUGHT),
    "purchase_days_90d": ("count(DISTINCT d)", _M90),
    "longest_streak": _STREAK.format(where=_BOUGHT),
    "pieces": ("sum(q)", _BOUGHT),
    "spend_30d": ("sum(amount)", _M30),
    "spend_90d": ("sum(amount)", _M90),
    "spend": ("sum(amount)", _BOUGHT),
    "spend_this_year": ("sum(amount)", f"{_BOUGHT} AND year(d) = 2011"),
    "spend_last_christmas": ("sum(amount)", f"{_BOUGHT} AND d <= DATE '2010-12-24'"),
    "weekend_spend": ("sum(amount)", f"{_BOUGHT} AND dayname(d) = 'Sunday'"),
    "dear_lines": ("count(*)", f"{_BOUGHT} AND band = 'high'"),
    "mean_line": ("sum(amount) / count(*)", _BOUGHT),
    "largest_line": ("max(amount)", _BOUGHT),
    "smallest_line": ("min(amount)", _BOUGHT),
    "first_purchase": ("min(d)", _BOUGHT),
    "latest_purchase": ("max(d)", _BOUGHT),
    "last_purchase": ("DATE '2011-12-09' - max(d)", _BOUGHT),
    "returned_lines": ("count(*)", "kind = 'back'"),
    "returned_90d": ("count(*)", _M90.replace("bought", "back")),
    "returned_amount": ("sum(amount)", "kind = 'back'"),
    "country": _COUNTRY,
    "region": f"""
        SELECT u, CASE WHEN country IN ('United Kingdom', 'Channel Islands') THEN 'Britain'
            WHEN country = 'EIRE' THEN 'Ireland'
            WHEN country IN ('Germany', 'Switzerland', 'Austria', 'Poland', 'Czech Republic')
            THEN 'Central Europe'
            WHEN country IN ('France', 'Belgium', 'Netherlands') THEN 'Western Europe'
            WHEN country IN ('Spain', 'Portugal', 'Italy', 'Greece', 'Malta', 'Cyprus')
            THEN 'Southern Europe'
            WHEN country IN ('Norway', 'Sweden', 'Denmark', 'Finland', 'Iceland', 'Lithuania')
            THEN 'Northern Europe'
            WHEN country NOT IN ('Unspecified', 'European Community') THEN 'Overseas' END
        FROM ({_COUNTRY})
    """,
    "countries": ("count(DISTINCT country)", _BOUGHT),
    "price_band": _TOP.format(column="band", by="sum(amount)"),
    "products": ("count(DISTINCT stock)", _BOUGHT),
    "mean_invoice": """
        SELECT u, avg(total) FROM (
            SELECT u, invoice, sum(amount) AS total FROM lines WHERE kind = 'bought'
            GROUP BY u, invoice
        ) GROUP BY u
    """,
    "top_spender": _SHARE.format(measure="sum(amount)::DOUBLE", where=_BOUGHT, cut=0.8),
    "most_frequent": _SHARE.format(
        measure="count(DISTINCT invoice)::DOUBLE", where=_BOUGHT, cut=0.9
    ),
    "newcomer": ("min(d) >= DATE '2011-10-11'", _BOUGHT),
    "abroad": f"SELECT u, country <> 'United Kingdom' FROM ({_COUNTRY})",
    "returns_often": (
        "count(*) FILTER (kind = 'back') >= 3 AND count(*) FILTER (kind = 'back') "
        "> 0.05 * count(*) FILTER (kind = 'bought')",
        "true",
    ),
    "wholesale": ("sum(amount) >= 5000 AND sum(amount) / count(*) >= 50", _BOUGHT),
    "slipping": ("count(DISTINCT d) >= 4 AND max(d) < DATE '2011-12-09' - 60", _BOUGHT),
}

# u, kind, d (day), item, category
TAOBAO_LINES = """
    CREATE VIEW lines AS
    SELECT * FROM (
        SELECT user_id AS u, behavior AS kind, (epoch_ms(ts::BIGINT * 1000) + INTERVAL 8 HOUR)::DATE
               AS d, item_id AS item, category_id AS category
        FROM read_csv('{file}', all_varchar = true)
    ) WHERE d BETWEEN DATE '2017-11-25' AND DATE '2017-12-03'
"""
_BUY = "kind = 'buy'"
_D1, _D3, _D7 = (f"d >= DATE '{first}'" for first in ("2017-12-03", "2017-12-01", "2017-11-27"))
_BUYS, _VIEWS = "count(*) FILTER (kind = 'buy')", "count(*) FILTER (kind = 'pv')"
TAOBAO: dict[str, tuple[str, str] | str] = {
    "views": ("count(*)", "kind = 'pv'"),
    "views_1d": ("count(*)", f"kind = 'pv' AND {_D1}"),
    "views_3d": ("count(*)", f"kind = 'pv' AND {_D3}"),
    "views_7d": ("count(*)", f"kind = 'pv' AND {_D7}"),
    "carts": ("count(*)", "kind = 'cart'"),
    "carts_3d": ("count(*)", f"kind = 'cart' AND {_D3}"),
    "favourites": ("count(*)", "kind = 'fav'"),
    "favourites_3d": ("count(*)", f"kind = 'fav' AND {_D3}"),
    "purchases": ("count(*)", _BUY),
    "purchases_1d": ("count(*)", f"{_BUY} AND {_D1}"),
    "purchases_3d": ("count(*)", f"{_BUY} AND {_D3}"),
    "weekend_purchases": ("count(*)", f"{_BUY} AND isodow(d) >= 6"),
    "active_days": ("count(DISTINCT d)", "true"),
    "active_days_3d": ("count(DISTINCT d)", _D3),
    "buying_days": ("count(DISTINCT d)", _BUY),
    "cart_days": ("count(DISTINCT d)", "kind = 'cart'"),
    "active_streak": _STREAK.format(where="true"),
    "buying_streak": _STREAK.format(where=_BUY),
    "first_seen": ("min(d)", "true"),
    "last_seen": ("max(d)", "true"),
    "first_purchase": ("min(d)", _BUY),
    "last_view": ("DATE '2017-12-03' - max(d)", "kind = 'pv'"),
    "last_purchase": ("DATE '2017-12-03' - max(d)", _BUY),
    "categories": ("count(DISTINCT category)", "true"),
    "items_bought": ("count(DISTINCT item)", _BUY),
    "favourite_category": """
        SELECT u, category FROM (
            SELECT u, category,
                   row_number() OVER (PARTITION BY u ORDER BY count(*) DESC, category DESC) AS place
            FROM lines WHERE kind = 'pv' GROUP BY u, category
        ) WHERE place = 1
    """,
    "heavy_viewer": _SHARE.format(measure="count(*)::DOUBLE", where="kind = 'pv'", cut=0.8),
    "heavy_buyer": _SHARE.format(measure="count(*)::DOUBLE", where=_BUY, cut=0.9),
    "buyer": (f"{_BUYS} >= 1", "true"),
    "looks_only": (f"{_VIEWS} >= 50 AND {_BUYS} = 0", "true"),
    "decides_fast": (f"{_BUYS} >= 1 AND {_VIEWS} <= 10 * {_BUYS}", "true"),
    "leaves_the_cart": (
        f"count(*) FILTER (kind = 'cart' AND {_D3}) >= 1 "
        f"AND count(*) FILTER (kind = 'buy' AND {_D3}) = 0",
        "true",
    ),
}
