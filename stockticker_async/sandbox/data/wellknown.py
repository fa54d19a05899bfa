"""The well-known tickers, which are in every sandbox, whatever its seed."""

from typing import NamedTuple


class Known(NamedTuple):
    name: str
    type: str
    exchange: str
    listed: str
    price: float  # about the level of the price, in the share basis after all its splits
    volume: int  # about the shares a day, in the same basis
    growth: float = 0.03  # the price of y years before 2026 is lower by the factor (1 + growth * y) ** 2


# fmt: off

# Names and exchanges are facts; listing days are about right; prices and volumes only look right.
KNOWN: dict[str, Known] = {
    "AAPL": Known("Apple Inc.", "CS", "XNAS", "1980-12-12", 150.0, 60_000_000, 0.3),
    "ABBV": Known("AbbVie Inc.", "CS", "XNYS", "2013-01-02", 140.0, 6_000_000),
    "ADBE": Known("Adobe Inc.", "CS", "XNAS", "1986-08-20", 420.0, 3_000_000),
    "AMD": Known("Advanced Micro Devices", "CS", "XNAS", "1979-10-15", 110.0, 55_000_000),
    "AMZN": Known("Amazon.Com Inc", "CS", "XNAS", "1997-05-15", 140.0, 50_000_000, 0.3),
    "AMpB": Known("Antero Midstream 5.50% Series B Preferred", "PFD", "XNYS", "2017-05-04", 24.0, 9_000),
    "AVGO": Known("Broadcom Inc. Common Stock", "CS", "XNAS", "2009-08-06", 130.0, 20_000_000, 0.25),
    "BA": Known("Boeing Company", "CS", "XNYS", "1962-01-02", 210.0, 8_000_000),
    "BAC": Known("Bank of America Corporation", "CS", "XNYS", "1972-01-03", 35.0, 40_000_000),
    "BRK.A": Known("Berkshire Hathaway Inc.", "CS", "XNYS", "1980-03-17", 480_000.0, 3_000),
    "BRK.B": Known("BERKSHIRE HATHAWAY Class B", "CS", "XNYS", "1996-05-09", 320.0, 4_000_000),
    "C": Known("Citigroup Inc.", "CS", "XNYS", "1977-01-03", 60.0, 15_000_000),
    "CAT": Known("Caterpillar Inc.", "CS", "XNYS", "1929-12-02", 240.0, 3_500_000),
    "COST": Known("Costco Wholesale Corp", "CS", "XNAS", "1985-12-05", 500.0, 2_000_000),
    "CRM": Known("Salesforce, Inc.", "CS", "XNYS", "2004-06-23", 210.0, 6_000_000),
    "CSCO": Known("Cisco Systems, Inc.", "CS", "XNAS", "1990-02-16", 48.0, 18_000_000),
    "CVX": Known("Chevron Corporation", "CS", "XNYS", "1962-01-02", 140.0, 9_000_000),
    "DIS": Known("The Walt Disney Company", "CS", "XNYS", "1957-11-12", 110.0, 10_000_000),
    "F": Known("Ford Motor Company", "CS", "XNYS", "1956-01-17", 12.0, 55_000_000),
    "GE": Known("General Electric Company", "CS", "XNYS", "1962-01-02", 100.0, 7_000_000, 0.0),
    "GM": Known("General Motors Company", "CS", "XNYS", "2010-11-18", 38.0, 14_000_000),
    "GOOG": Known("Alphabet Inc. Class C Capital Stock", "CS", "XNAS", "2014-04-03", 121.0, 22_000_000, 0.12),
    "GOOGL": Known("Alphabet Inc. Class A Common Stock", "CS", "XNAS", "2004-08-19", 120.0, 30_000_000, 0.12),
    "GS": Known("Goldman Sachs Group Inc.", "CS", "XNYS", "1999-05-04", 340.0, 2_300_000),
    "HD": Known("Home Depot, Inc.", "CS", "XNYS", "1984-04-19", 310.0, 3_700_000),
    "IBM": Known(
        "International Business Machines Corporation", "CS", "XNYS", "1962-01-02", 140.0, 5_000_000
    ),
    "INTC": Known("Intel Corp", "CS", "XNAS", "1971-10-13", 38.0, 45_000_000),
    "IWM": Known("iShares Russell 2000 ETF", "ETF", "ARCX", "2000-05-26", 190.0, 30_000_000),
    "JNJ": Known("Johnson & Johnson", "CS", "XNYS", "1944-09-25", 160.0, 7_000_000),
    "JPM": Known("JPMorgan Chase & Co.", "CS", "XNYS", "1969-03-05", 150.0, 11_000_000),
    "KO": Known("Coca-Cola Company", "CS", "XNYS", "1962-01-02", 58.0, 14_000_000),
    "LLY": Known("Eli Lilly & Co.", "CS", "XNYS", "1970-07-09", 400.0, 3_200_000),
    "MA": Known("Mastercard Incorporated", "CS", "XNYS", "2006-05-25", 380.0, 2_800_000),
    "MCD": Known("McDonald's Corporation", "CS", "XNYS", "1966-07-05", 260.0, 3_000_000),
    "META": Known(
        "Meta Platforms, Inc. Class A Common Stock", "CS", "XNAS", "2012-05-18", 280.0, 20_000_000, 0.1),
    "MRK": Known("Merck & Co., Inc.", "CS", "XNYS", "1970-01-02", 95.0, 9_000_000),
    "MSFT": Known("Microsoft Corp", "CS", "XNAS", "1986-03-13", 290.0, 25_000_000, 0.08),
    "NFLX": Known("NetFlix Inc", "CS", "XNAS", "2002-05-23", 400.0, 5_000_000, 0.2),
    "NVDA": Known("Nvidia Corp", "CS", "XNAS", "1999-01-22", 60.0, 350_000_000, 0.5),
    "ORCL": Known("Oracle Corp", "CS", "XNYS", "1986-03-12", 95.0, 9_000_000),
    "PEP": Known("PepsiCo, Inc.", "CS", "XNAS", "1972-06-01", 165.0, 5_000_000),
    "PFE": Known("Pfizer Inc.", "CS", "XNYS", "1972-06-01", 38.0, 25_000_000),
    "PG": Known("Procter & Gamble Company", "CS", "XNYS", "1962-01-02", 145.0, 6_500_000),
    "QQQ": Known("Invesco QQQ Trust, Series 1", "ETF", "XNAS", "1999-03-10", 340.0, 48_000_000),
    "SPY": Known("SPDR S&P 500 ETF Trust", "ETF", "ARCX", "1993-01-29", 410.0, 80_000_000),
    "T": Known("AT&T Inc.", "CS", "XNYS", "1983-11-21", 20.0, 35_000_000),
    "TSLA": Known("Tesla, Inc. Common Stock", "CS", "XNAS", "2010-06-29", 235.0, 95_000_000, 0.2),
    "UNH": Known("UnitedHealth Group Incorporated", "CS", "XNYS", "1984-10-17", 460.0, 3_300_000),
    "V": Known("Visa Inc.", "CS", "XNYS", "2008-03-19", 230.0, 6_500_000),
    "VZ": Known("Verizon Communications Inc.", "CS", "XNYS", "1983-11-21", 42.0, 18_000_000),
    "WMT": Known("Walmart Inc.", "CS", "XNYS", "1972-08-25", 55.0, 18_000_000, 0.05),
    "XOM": Known("Exxon Mobil Corporation", "CS", "XNYS", "1962-01-02", 95.0, 18_000_000),
}
# fmt: on
