"""How do payment systems around the world call their fields? Stems, by which a proposal knows a field by its name."""

from __future__ import annotations

from typing import Final

# Stems in English, Portuguese, Spanish, French, German, Italian, and some of Chinese and Malay; without accents.
WHO: Final = (
    "account", "customer", "user", "shopper", "payer", "buyer", "debtor", "client", "wallet", "openid", "member",
    "conta", "cliente", "usuario", "pagador", "comprador", "titular", "cuenta", "compte", "utilisateur", "konto",
    "kunde", "nutzer", "utente", "conto", "acquirente", "pelanggan",
)  # fmt: skip
NOT_WHO: Final = (
    "ip", "agent", "name", "nome", "nombre", "nom", "mail", "email", "phone", "telefone", "device", "country", "type",
    "tipo", "status", "iban", "card", "merchant", "bank", "banco",
)  # fmt: skip
PAYMENT: Final = (
    "payment", "transaction", "txn", "tx", "trade", "transfer", "charge", "psp", "rrn", "endtoend", "nsu",
    "pagamento", "transacao", "transaccion", "pago", "paiement", "zahlung", "transaktion", "transazione", "pix",
    "cobranca", "cobro", "transaksi",
)  # fmt: skip
NOT_ID: Final = (
    "type", "tipo", "status", "state", "estado", "situacao", "method", "metodo", "amount", "valor", "code", "time",
    "date", "data", "at", "created", "reason", "name", "currency", "moeda",
)  # fmt: skip
ID: Final = ("id", "ref", "reference", "no", "nr", "number", "numero", "num", "uuid", "key", "code", "codigo", "nsu")
MESSAGE: Final = ("event", "evento", "notify", "notification", "notificacao", "message", "msg", "mensagem", "uuid",
                   "ereignis", "evenement")  # fmt: skip
WHEN: Final = (
    "time", "at", "created", "timestamp", "ts", "date", "occurred", "booked", "when", "data", "hora", "quando", "dt",
    "fecha", "criado", "criacao", "heure", "zeit", "datum", "zeitpunkt", "waktu", "momento",
)  # fmt: skip
NOT_WHEN: Final = (
    "birth", "nascimento", "expir", "expiry", "valid", "due", "vencimento", "updated", "settled", "value",
)  # fmt: skip
MONEY: Final = (
    "amount", "total", "value", "sum", "cents", "price", "minor", "valor", "importe", "monto", "montant", "betrag",
    "summe", "importo", "kwota", "jumlah", "vlr", "centavos",
)  # fmt: skip
NOT_MONEY: Final = ("fee", "taxa", "tax", "tarifa", "discount", "desconto", "balance", "saldo", "limit", "count")
CURRENCIES: Final = ("currency", "ccy", "cur", "moeda", "moneda", "devise", "wahrung", "waehrung", "valuta", "divisa")
STATES: Final = (
    "status", "state", "type", "event", "result", "outcome", "action", "situacao", "estado", "resultado", "tipo",
    "evento", "statut", "etat", "zustand", "ergebnis", "stato", "esito",
)  # fmt: skip
# Of an optional field of ours: stems of which one must be in its last two names, stems that rule its last name out.
OPTIONAL: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]] = (
    ("order_id", ("order", "pedido", "bestellung", "commande", "ordine"), ("amount", *NOT_ID)),
    ("merchant_id", ("merchant", "seller", "mchid", "lojista", "loja", "comercio", "haendler", "commercant"),
     ("name", "nome", "category", "reference", "country", "pais", *STATES)),
    ("terminal_id", ("terminal",), ("type", *STATES)),
    ("device_id", ("device", "dispositivo", "aparelho", "geraet", "appareil"), ("type", "name", "model", *STATES)),
    ("counterparty_id", ("counterparty", "payee", "beneficiary", "recebedor", "favorecido", "beneficiario"),
     ("name", "nome", *STATES)),
    ("channel", ("channel", "canal", "kanal"), ()),
    ("app_version", ("appversion",), ()),
    ("mcc", ("mcc",), ()),
    ("bin", ("bin",), ()),
)  # fmt: skip
KINDS_OF_PLACES: Final = (
    "merchant_id",
    "terminal_id",
    "channel",
    "app_version",
    "mcc",
    "bin",
)  # few values are normal
OUTCOMES: Final = (  # the first whose stem a status contains; the order matters: "payment_failed" before "payment"
    ("failed", ("fail", "declin", "reject", "refus", "error", "denied", "rjct", "bad", "recus", "negad", "rechaz",
                "falh", "abgelehnt", "fehl", "rifiut", "echou", "echec", "fallid", "invalid")),
    ("reversed", ("revers", "cancel", "void", "undone", "estorn", "devolv", "refund", "reembol", "storn", "annul",
                  "anulad", "chargeback")),
    ("authorized", ("auth", "approv", "reserv", "autoriz", "preaut")),
    ("captured", ("captur",)),
    ("pending", ("pend", "process", "wait", "unknown", "aguard", "esper", "offen", "analise", "attente", "attesa")),
    ("succeeded", ("succe", "success", "paid", "settle", "complete", "done", "finish", "accc", "acsc", "ok", "aprovad",
                   "aprobad", "pago", "paga", "conclu", "liquid", "efetiv", "efetu", "bezahlt", "erfolg", "paye",
                   "reuss", "exito", "confirm", "accept", "eseguit")),
    ("requested", ("request", "creat", "init", "new", "start", "submit", "criad", "solicit", "novo", "nuevo", "neu",
                   "erstellt")),
)  # fmt: skip
