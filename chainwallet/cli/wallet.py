"""``chainwallet wallet``: names, addresses and keys of this home."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainwallet.cli.terminal import PassphraseFile, alone, config_of, console, passphrase, say_json, table
from chainwallet.errors import BadValue

if TYPE_CHECKING:
    from chainwallet.store.wallets import Wallet

app = typer.Typer(
    help="Wallets of this home: make, list, import and export them.", invoke_without_command=True, callback=alone
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What you call the wallet.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("new")
def new(
    context: typer.Context,
    name: Name,
    address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="The address of a key kept elsewhere: no key is made, its owner signs."),
    ] = None,
    kms_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A key of the key service (id, ARN or alias) that signs: no key is made."),
    ] = None,
) -> None:
    """Make a wallet: a new key, sealed in this home."""
    from chainwallet.assembly import now_s, open_home
    from chainwallet.evm import parse_address

    if address is not None and kms_key is not None:
        raise BadValue("kms-key", kms_key, "either --address or --kms-key")
    with open_home(config_of(context)) as home:
        if kms_key is not None:
            _show(home.wallets.add_kms(name, kms_key, now_s()))
        elif address is None:
            _show(home.wallets.create(name, now_s()))
        else:
            _show(home.wallets.add_external(name, parse_address(address), now_s()))


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the wallets of this home."""
    from chainwallet.assembly import open_home

    with open_home(config_of(context)) as home:
        wallets = home.wallets.every()
    if as_json:
        say_json([_document(wallet) for wallet in wallets])
        return
    if not wallets:
        print("no wallets yet; make one with `chainwallet wallet new NAME`")
        return
    listed = table("Wallet", "Address", "Custody", figures=False)
    for wallet in wallets:
        document = _document(wallet)
        listed.add_row(document["name"], document["address"], document["custody"])
    console().print(listed)


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The wallet's name or address.")],
    as_json: AsJson = False,
) -> None:
    """Show one wallet: name, address, custody. Keys are never shown."""
    from chainwallet.assembly import open_home

    with open_home(config_of(context)) as home:
        _show(home.wallets.find(name), as_json=as_json)


@app.command("import")
def import_(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Web3 Secret Storage (version 3) keystore file.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Take over a key from a keystore file and seal it in this home."""
    from chainwallet.assembly import now_s, open_home

    config = config_of(context)
    secret = passphrase(config, passphrase_file, f"Passphrase of {file}")
    with open_home(config) as home:
        _show(home.wallets.import_keystore(name, file, secret, now_s()))


@app.command("export")
def export(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The wallet's name or address.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The keystore file to write; it must not exist yet.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Write a wallet's key to a keystore file for another program.

    The file is a Web3 Secret Storage (version 3) keystore, sealed by the passphrase.
    """
    from chainwallet.assembly import open_home

    config = config_of(context)
    secret = passphrase(config, passphrase_file, f"New passphrase for {file}", twice=True)
    with open_home(config) as home:
        try:
            wallet = home.wallets.export_keystore(name, file, secret)
        except OSError as error:
            raise BadValue("file", str(file), f"a place that can be written ({error.strerror})") from error
    print(f"written: {file} with the key of {_document(wallet)['address']}")


@app.command("rotate")
def rotate(
    context: typer.Context,
    away_from: Annotated[
        str | None,
        typer.Option("--from", metavar="ID", help="Do nothing unless the key-encryption key with this id is in use."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change the key-encryption key of all wallets.

    No wallet is touched. The new key takes the old file's place; where the settings name a key of a key service, that
    one is used. One that was interrupted is finished by the next. Back up the new key: copies of the old one open old
    backups only.
    """
    from chainwallet.assembly import open_home

    with open_home(config_of(context)) as home:
        done = home.rotate(away_from)
    if as_json:
        say_json({"changed": done.changed, "before": done.before, "after": done.after})
        return
    under = ", ".join(f"{count} under {key_id}" for key_id, count in sorted(done.after.items())) or "none"
    print(f"changed: {done.changed} of {sum(done.after.values())} keys; now {under}")


def _document(wallet: "Wallet") -> dict[str, str]:
    from chainwallet.evm import checksum

    return {"name": wallet.name, "address": checksum(wallet.address), "custody": wallet.custody}


def _show(wallet: "Wallet", *, as_json: bool = False) -> None:
    document = _document(wallet)
    if as_json:
        say_json(document)
    else:
        print("  ".join(document.values()))
