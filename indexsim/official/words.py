"""The words that publishers head their columns with, and the tickers that vendors give their series."""

from __future__ import annotations

import re

#: House name of a column -> what it is called, as `indexsim.official.sheet.plain` writes it.
_CALLED = {
    "date": "date dateofdata observationdate データ日付 対象日付 日付 年月日 取引日 data",
    "open": "open o openprice openingprice 始値 otwarcie",
    "high": "high h highprice 高値 najwyzszy",
    "low": "low l lowprice 安値 najnizszy",
    "close": "close c closeprice closingprice 終値 zamkniecie",
    "adj_close": "adjclose adjustedclose 調整後終値",
    "volume": "volume vol vo 出来高 売買高 wolumen",
    "code": "code コード 銘柄コード localcode",
    "ticker": "ticker symbol",
    "name": "name companyname 銘柄名 銘柄",
    "factor": "priceadjustmentfactor 株価換算係数 paf cappedpriceadjustmentfactor キャップ調整済み株価換算係数",
    "par": "presumedpar presumedparvalue parvalue みなし額面",
    "weight": "weight ウエート ウエイト ウェイト ウェート 構成比率",
    "industry": "industry nikkeiindustrialclassification 業種",
    "sector": "sector セクター",
    "ex_date": "exdate 権利落ち日 権利落日",
    "ratio": "ratio",
    "dividend": "dividendsplitadjusted",
    "total_return": "totalreturn totalreturnindex トータルリターン トータルリターン・インデックス",
    "net_total_return": "nettotalreturn nettotalreturnindex 税引後配当込み ネットトータルリターン・インデックス",
    "adj_factor": "adjfactor adjustmentfactor",
    "dividends": "dividends",
    "splits": "stocksplits",
    "turnover": "va turnovervalue",
}
_MEANING = {word: name for name, words in _CALLED.items() for word in words.split()}

#: Ticker of a vendor -> file of a market.
_SERIES = {
    "^N225": "n225",
    "^NKX": "n225",
    "^TPX": "topix",
    "^TOPX": "topix",
    "998405.T": "topix",
    "^NKVI.OS": "nikkei_vi",
    "^JNIV": "nikkei_vi",
    "JPY=X": "usdjpy",
    "USDJPY=X": "usdjpy",
    "USDJPY": "usdjpy",
    "^GSPC": "sp500",
    "^SPX": "sp500",
    "CL=F": "oil",
    "CL.F": "oil",
    "1321.T": "etf_1321",
    "1321.JP": "etf_1321",
    "1306.T": "etf_1306",
    "1306.JP": "etf_1306",
}
#: A code of a listed stock; those of indices begin with 0.
CODE = re.compile(r"[1-9][0-9A-Z][0-9][0-9A-Z]")
#: What a publisher may put before a word: the series that the column is of.
_OF_SERIES = re.compile(r"(日経平均株価|日経平均|日経|nikkeistockaverage|nikkei225|nikkei)(vi)?")


def meaning(header: str) -> str:
    """Return the house name of a column, "" for a word that is not known.

    Examples
    --------
    >>> meaning("終値"), meaning("日経平均終値"), meaning("vo"), meaning("remarks")
    ('close', 'close', 'volume', '')
    """
    series = _OF_SERIES.match(header)
    return _MEANING.get(header) or _MEANING.get(header[series.end() :] if series else "", "")


def series_of(ticker: str) -> str:
    """Return the file of a market, or the code of a stock, that a ticker stands for; "" for another.

    Examples
    --------
    >>> series_of("^n225"), series_of("7203.T"), series_of("ABC")
    ('n225', '7203', '')
    """
    ticker = ticker.strip().upper()
    stock = ticker.removesuffix(".T").removesuffix(".JP")
    return _SERIES.get(ticker, stock if stock != ticker and CODE.fullmatch(stock) else "")
