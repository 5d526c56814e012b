"""The words of Splitwise's export in the languages it speaks.

The first five headings, the description of the total row and the category of a payment are translated; their order is
the same in every language. Comparison ignores case, surrounding spaces and the Unicode normal form.
"""

import unicodedata
from typing import NamedTuple


class Words(NamedTuple):
    """The words of one language, the five headings in their order."""

    date: str
    description: str
    category: str
    cost: str
    currency: str
    total: str
    payment: str


LANGUAGES = {
    "de": Words("Datum", "Beschreibung", "Kategorie", "Kosten", "Währung", "Gesamtbilanz", "Zahlung"),
    "en": Words("Date", "Description", "Category", "Cost", "Currency", "Total balance", "Payment"),
    "es": Words("Fecha", "Descripción", "Categoría", "Coste", "Moneda", "Saldo total", "Pago"),
    "fr": Words("Date", "Description", "Catégorie", "Coût", "Devise", "Solde total", "Paiement"),
    "id": Words("Tanggal", "Keterangan", "Kategori", "Biaya", "Mata uang", "Total saldo", "Pembayaran"),
    "it": Words("Data", "Descrizione", "Categorie", "Costo", "Valuta", "Bilancio totale", "Pagamento"),
    "ja": Words("日付", "概要", "カテゴリ", "費用", "通貨", "合計残高", "支払い"),
    "nl": Words("Datum", "Omschrijving", "Categorie", "Kosten", "Valuta", "Totaal saldo", "Betaling"),
    "pl": Words("Data", "Opis", "Kategoria", "Koszt", "Waluta", "Całkowite saldo", "Płatność"),
    "pt": Words("Data", "Descrição", "Categoria", "Custo", "Moeda", "Saldo total", "Pagamento"),
    "sv": Words("Datum", "Beskrivning", "Kategori", "Kostnad", "Valuta", "Totalsumma", "Betalning"),
    "th": Words("วันที่", "คำอธิบาย", "หมวดหมู่", "ราคา", "สกุลเงิน", "ยอดคงเหลือรวม", "การชำระเงิน"),
}

HEADINGS = 5  # date, description, category, cost, currency; the people follow


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()).casefold())


_KNOWN = tuple(frozenset(map(_folded, words)) for words in zip(*LANGUAGES.values(), strict=True))
_DATE, _DESCRIPTION, _CATEGORY, _COST, _CURRENCY, _TOTAL, _PAYMENT = _KNOWN


def is_header(cells: list[str]) -> bool:
    """Whether ``cells`` start with the five headings, each in any known language."""
    return _start_with(cells, (_DATE, _DESCRIPTION, _CATEGORY, _COST, _CURRENCY))


def is_spliit_header(cells: list[str]) -> bool:
    """Whether ``cells`` start like the CSV of Spliit, another app: the currency comes before the cost."""
    return _start_with(cells, (_DATE, _DESCRIPTION, _CATEGORY, _CURRENCY, _COST))


def is_total_label(text: str) -> bool:
    """Whether ``text`` is the description that Splitwise gives to the total row of a currency."""
    return _folded(text) in _TOTAL


def is_payment_category(text: str) -> bool:
    """Whether ``text`` is the category that Splitwise gives to a payment between people."""
    return _folded(text) in _PAYMENT


def _start_with(cells: list[str], columns: tuple[frozenset[str], ...]) -> bool:
    return len(cells) >= len(columns) and all(
        _folded(cell) in words for cell, words in zip(cells, columns, strict=False)
    )
