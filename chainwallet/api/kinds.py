"""The kinds of problems: for each a slug that never changes, a title, a status, what it means and what to do."""

from dataclasses import dataclass

from chainwallet import errors
from chainwallet.errors import ChainwalletError


@dataclass(frozen=True)
class Kind:
    """A type of problem (RFC 9457 section 3.1); ``/problems/<slug>`` is its page."""

    slug: str
    title: str
    status: int
    meaning: str
    remedy: str


_KINDS = (
    # ---------------------------------------------------------------- the request itself
    Kind("broken-json", "The body is not JSON", 400,
         "The body of the request does not read as JSON, repeats a name in an object, or is nested too deeply.",
         "Send one JSON document in UTF-8, each name once, with numbers below 2^53."),
    Kind("broken-request", "The request is not HTTP as it must be", 400,
         "A header or the body does not have the form that HTTP gives it.",
         "Look at the detail, and send the request again as it says."),
    Kind("no-such-route", "There is nothing here", 404,
         "No route of this service has this path.",
         "Look the path up in /docs."),
    Kind("method-not-allowed", "This path does not take this method", 405,
         "The path exists, but not with this method; the header Allow lists those it takes.",
         "Use one of the methods in Allow."),
    Kind("body-too-slow", "The body did not come in time", 408,
         "The body of the request took longer to arrive than the service waits.",
         "Send the request again."),
    Kind("body-too-large", "The body is too large", 413,
         "The body has more bytes than the service reads.",
         "Send less in one request."),
    Kind("not-json", "The body is of another type", 415,
         "Bodies are JSON, and the header Content-Type says something else.",
         "Send the body as application/json."),
    Kind("invalid-request", "A field or parameter is not as it must be", 422,
         "A field is missing, unknown, of another type or outside its limits; the members say which, and all of them "
         "stand in errors.",
         "Correct what the members field, limit and value name."),
    Kind("too-many-requests", "Too many requests", 429,
         "This account or address asked more often than the service allows.",
         "Wait as many seconds as the header Retry-After says."),
    # ---------------------------------------------------------------- who asks
    Kind("not-signed-in", "Not signed in", 401,
         "The request has no bearer token, or one that is unknown, expired or revoked.",
         "Sign in, or make a key, and send its token as `Authorization: Bearer <token>`."),
    Kind("not-allowed", "Not allowed", 403,
         "The credentials are good, but their scopes or the account's roles do not allow this.",
         "Use credentials with the scope that the detail names."),
    Kind("wrong-password", "Handle and password do not belong together", 401,
         "There is no account with this handle and password; which of the two is wrong is not said.",
         "Look at both. Wrong ones cost the next try more and more time."),
    Kind("too-many-tries", "Tried too often", 429,
         "There were too many tries to sign in to this account from there, or from there at all, or all people "
         "together ask for more than the service can hash.",
         "Wait as many seconds as the header Retry-After says."),
    Kind("closed-to-strangers", "Closed to who has not been there before", 403,
         "The account had a hundred wrong passwords in a row. It is open only to places and devices from which its "
         "owner has signed in before.",
         "Sign in from where you did so before, or send the token of a session that you had as earlier_token, or ask "
         "whoever runs the service."),
    # ---------------------------------------------------------------- what was asked
    Kind("refused", "Refused", 422,
         "The request was understood and refused, and nothing was changed.",
         "Look at the detail."),
    Kind("invalid-value", "A value is outside its limits", 422,
         "A field has a value that is not allowed; nothing was changed.",
         "Correct what the members field, limit and value name."),
    Kind("unknown-currency", "Unknown currency", 422,
         "The code is not that of an ISO 4217 currency with minor units.",
         "Use one of the currencies that GET /v1/network lists."),
    Kind("currency-mismatch", "Two currencies in one sum", 422,
         "Amounts of different currencies were put together.",
         "Use one currency in one request."),
    Kind("too-precise", "More decimals than the currency has", 422,
         "The amount has parts of the currency's smallest unit.",
         "Round the amount yourself; this service never does."),
    Kind("insufficient-funds", "Not enough money", 409,
         "The wallet has less available than is needed: its balance by verified history, less what is promised.",
         "Pay less, or wait for money that is under way."),
    Kind("quota-exceeded", "More than the issuer's quota", 409,
         "The chain lets the issuer make so much money now, and no more.",
         "Ask for less, or wait: the quota fills up again with time. The members say how much there is."),
    Kind("too-late", "Too late to change it", 409,
         "It has happened already.",
         "Ask how it stands."),
    Kind("stale-version", "Not the current version of the bill", 409,
         "The bill was amended since the version that was named.",
         "Look at the current version, and name that."),
    Kind("bill-disputed", "The bill is disputed", 409,
         "Somebody whom the bill charges rejects it or proposes another split: until that is resolved it is neither "
         "paid nor cleared.",
         "Amend the bill, or ask whoever disputes it to withdraw or to accept."),
    Kind("bill-locked", "The bill is being paid or cleared", 409,
         "Debts of the bill are in a plan or a payment that is under way.",
         "Wait for its end, or withdraw the plan."),
    Kind("bill-settled", "The bill is settled", 409,
         "Debts of the bill are paid or cleared, and what is settled is never undone by an edit.",
         "Make a reversal bill, and a new bill where one is wanted."),
    Kind("expired", "Expired", 409,
         "The document's time is over.",
         "Ask anew."),
    Kind("not-paid", "The payment ended unpaid", 409,
         "The chain proves that this payment will never be carried out.",
         "Pay again under a new id if it is still wanted."),
    Kind("not-yet-paid", "The payment is not paid yet", 409,
         "The payment waits.",
         "Ask for the payment to see what it waits for."),
    Kind("bad-signature", "The signature is somebody else's", 422,
         "The signature is not one of the address that must sign, over this document.",
         "Sign the very document that the service gave, with the key of the address that the detail names."),
    Kind("wrong-passphrase", "The passphrase does not open it", 422,
         "The passphrase is not the one that was used.",
         "Use the right passphrase."),
    Kind("not-found", "Not found", 404,
         "There is no such thing, or it is another account's.",
         "Check the id."),
    Kind("already-exists", "There is one already", 409,
         "The name is taken, or the thing was made before.",
         "Choose another name, or use what there is."),
    Kind("key-reused", "The Idempotency-Key came with another request", 422,
         "The same Idempotency-Key came before within a day, for another path or with another body; nothing was "
         "changed.",
         "Make a new key for each new request, and send the same key only to ask for the same again."),
    Kind("must-stay", "A member who cannot leave yet", 409,
         "Who would leave a group still owes there or is owed, is part of a plan under way, or owns the group.",
         "Settle what the detail names, or give the group to somebody else, and ask again."),
    # ---------------------------------------------------------------- not the caller's fault
    Kind("internal-error", "Something went wrong here", 500,
         "The service met something that it was not made for. It is in the service's log under the request's id.",
         "Tell whoever runs the service the request_id. A payment that was asked for with an id may be asked for "
         "again with the same id."),
    Kind("node-trouble", "The chain cannot be asked now", 503,
         "The node of the chain does not answer, or not as it must; nothing is lost.",
         "Ask again, with the same id or Idempotency-Key."),
    Kind("history-behind", "The history is being verified", 503,
         "What is verified is not, or not yet, the history of the chain as it is now: a reorganisation is being taken "
         "in, or the service is catching up. Nothing is said until it has.",
         "Ask again after as many seconds as the header Retry-After says; /readyz says how far it is."),
    Kind("fees-too-high", "The chain is too expensive now", 503,
         "The chain asks more for gas than this service offers.",
         "Ask again later."),
    Kind("store-trouble", "The database cannot be asked now", 503,
         "The database does not answer in time.",
         "Ask again, with the same id or Idempotency-Key."),
    Kind("key-service-trouble", "The key service cannot be asked now", 503,
         "The service that keeps the keys does not answer in time.",
         "Ask again, with the same id or Idempotency-Key."),
    Kind("recovering", "The service is recovering", 503,
         "The chain knows documents that this service's database has forgotten. Nothing is signed until they cannot "
         "be under way any more.",
         "Wait as many seconds as the header Retry-After says."),
    Kind("chain-mismatch", "The chain is another than it was", 503,
         "The node serves another chain, or other contracts, than this service was set up for.",
         "Tell whoever runs the service the request_id."),
    Kind("installation-trouble", "The service needs a person", 503,
         "Something of the installation is missing, damaged or not permitted.",
         "Tell whoever runs the service the request_id."),
)  # fmt: skip

KINDS = {kind.slug: kind for kind in _KINDS}

KIND_OF: dict[type[ChainwalletError], Kind] = {
    error: KINDS[slug]
    for error, slug in {
        ChainwalletError: "internal-error",
        errors.Refused: "refused",
        errors.BadValue: "invalid-value",
        errors.BadRow: "invalid-value",
        errors.UnknownCurrency: "unknown-currency",
        errors.CurrencyMismatch: "currency-mismatch",
        errors.TooPrecise: "too-precise",
        errors.InsufficientFunds: "insufficient-funds",
        errors.QuotaExceeded: "quota-exceeded",
        errors.FeeAboveCap: "fees-too-high",
        errors.Expired: "expired",
        errors.TooLate: "too-late",
        errors.StaleVersion: "stale-version",
        errors.BillDisputed: "bill-disputed",
        errors.BillLocked: "bill-locked",
        errors.BillSettled: "bill-settled",
        errors.NotPaid: "not-paid",
        errors.Recovering: "recovering",
        errors.WrongPassphrase: "wrong-passphrase",
        errors.BadSignature: "bad-signature",
        errors.NotFound: "not-found",
        errors.AlreadyExists: "already-exists",
        errors.NotSignedIn: "not-signed-in",
        errors.WrongPassword: "wrong-password",
        errors.TooManyTries: "too-many-tries",
        errors.ClosedToStrangers: "closed-to-strangers",
        errors.Forbidden: "not-allowed",
        errors.KeyReused: "key-reused",
        errors.TooMany: "too-many-requests",
        errors.MustStay: "must-stay",
        errors.NodeTrouble: "node-trouble",
        errors.HistoryBehind: "history-behind",
        errors.NotYetPaid: "not-yet-paid",
        errors.StoreTrouble: "store-trouble",
        errors.KeyServiceTrouble: "key-service-trouble",
        errors.ChainMismatch: "chain-mismatch",
        errors.Installation: "installation-trouble",
    }.items()
}
"""Of each error the kind; of one that is not here, that of the branch it stands on."""
