"""``chainwallet deploy``: the contracts, on any chain."""

from dataclasses import replace
from typing import Annotated

import typer

from chainwallet.cli.terminal import PassphraseFile, config_of, passphrase


def deploy(
    context: typer.Context,
    currency: Annotated[
        list[str], typer.Option(metavar="CODE", help="A currency's ISO 4217 code; may be given several times.")
    ],
    rpc: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The node to deploy through. Default: the local chain of this home."),
    ] = None,
    keystore: Annotated[
        str | None, typer.Option(metavar="FILE", help="A keystore file with the deployer's key.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    signer: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="A command that signs for the deployer; see docs/external-signer.md."),
    ] = None,
) -> None:
    """Deploy one Cash contract for each currency.

    Grants its roles, checks its code and writes the manifest. What is deployed already is checked and left alone; an
    interrupted run is continued by the next one.

    The deployer's key comes from a keystore file, from CHAINWALLET_DEPLOYER_KEY, or from an external signer, never from
    an argument; on the local chain this home's own deployer serves.
    """
    from chainwallet import deployment
    from chainwallet.assembly import connect, now_s, open_home
    from chainwallet.evm import checksum
    from chainwallet.manifest import manifest_path
    from chainwallet.rules.money import currency_of

    config = config_of(context, rpc=rpc, keystore=keystore, signer_command=signer)
    currencies = list(dict.fromkeys(currency_of(code) for code in currency))
    if config.keystore is not None:
        secret = passphrase(config, passphrase_file, f"Passphrase of {config.keystore}")
        config = replace(config, passphrase=secret)
    with open_home(config) as home, connect(home, deploys=True) as connection:
        manifest, fresh = deployment.deploy(
            connection.node,
            home.database,
            connection.relayer.deliver,
            home.home.manifests,
            connection.roles,
            currencies,
            now_s(),
        )
        for wanted in currencies:
            contract = manifest.contract(wanted)
            if contract is not None:
                done = "deployed" if wanted in fresh else "found, code checked"
                print(f"Cash {wanted}  {checksum(contract.address)}  block {contract.block}  {done}")
        print(f"manifest: {manifest_path(home.home.manifests, manifest.chain)}")
