"""What the public verification services take: the compiler's input, its metadata, constructor arguments, and how to.

Fields and addresses are those of Etherscan's API v2 (``verifysourcecode``), Blockscout's REST API v2
(``verification/via/standard-input``) and Sourcify's API v2 (``/v2/verify``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from string import Template

from eth_abi.abi import encode

from chainwallet.abi.calls import constructor_data
from chainwallet.compiler import Compilation, CompiledContract, json_text
from chainwallet.deployment import ADMIN_DELAY_S
from chainwallet.evm import Address, checksum, keccak256, to_hex
from chainwallet.manifest import Contract, Manifest
from chainwallet.verification import LEDGER, parts_of

README = "README.md"


@dataclass(frozen=True)
class Publication:
    """Files to publish by their path, and the contracts of the manifests that they do not speak for."""

    files: dict[str, str]
    included: tuple[Contract, ...]
    left_out: tuple[Contract, ...]
    """Deployed from other code than the compilation's."""


@dataclass(frozen=True)
class _Deployed:
    """One contract on its chain: a ledger, or the office of one."""

    chain_id: int
    ledger: Contract
    compiled: CompiledContract
    address: Address

    @property
    def arguments(self) -> str:
        """The constructor's arguments, ABI-encoded, in hex without 0x."""
        if self.compiled.name == LEDGER:
            return constructor_data(self.ledger.currency, self.ledger.admin, ADMIN_DELAY_S).hex()
        return encode(["string"], [self.ledger.currency]).hex()

    @property
    def told_arguments(self) -> str:
        """The same for a person."""
        if self.compiled.name == LEDGER:
            return (
                f"currency {self.ledger.currency}, admin {checksum(self.ledger.admin)}, admin delay {ADMIN_DELAY_S} s"
            )
        return f"currency {self.ledger.currency}"

    @property
    def arguments_file(self) -> str:
        """Where they are kept; by chain and address, because a currency may be on many chains."""
        return f"constructor-arguments/{self.chain_id}-{checksum(self.address)}.txt"


def publication_of(compilation: Compilation, manifests: Iterable[Manifest]) -> Publication:
    """Everything that the services ask for to verify ``compilation`` at each address that ``manifests`` name."""
    ledger = compilation.contracts[LEDGER]
    ours = keccak256(ledger.masked(ledger.runtime_code))
    every = [(manifest.chain.chain_id, each) for manifest in manifests for each in manifest.contracts]
    included = [
        _Deployed(chain_id, each, compilation.contracts[name], address)
        for chain_id, each in every
        if each.masked_code_hash == ours
        for name, address in parts_of(compilation, each.address).items()
    ]
    files = {f"{LEDGER}.standard-input.json": json_text(compilation.given)}
    for name in parts_of(compilation, Address(bytes(20))):
        files[f"{name}.metadata.json"] = compilation.contracts[name].metadata
    for deployed in included:
        files[deployed.arguments_file] = deployed.arguments  # no line end: forms and curl send it as it is
    files[README] = _about(compilation) + "".join(_how_to(compilation, deployed) for deployed in included)
    return Publication(
        files=files,
        included=tuple(each for _, each in every if each.masked_code_hash == ours),
        left_out=tuple(each for _, each in every if each.masked_code_hash != ours),
    )


def _about(compilation: Compilation) -> str:
    settings = compilation.given["settings"]
    parts = [compilation.contracts[name] for name in parts_of(compilation, Address(bytes(20)))]
    return _ABOUT.substitute(
        ledger=LEDGER,
        contracts=", ".join(f"`{part.path}:{part.name}`" for part in parts),
        metadata=", ".join(f"`{part.name}.metadata.json`" for part in parts),
        compiler=compilation.compiler,
        optimizer="on" if settings["optimizer"]["enabled"] else "off",
        runs=settings["optimizer"]["runs"],
        via_ir="on" if settings["viaIR"] else "off",
        evm=settings["evmVersion"],
        append="yes" if settings["metadata"]["appendCBOR"] else "no",
        hash=settings["metadata"]["bytecodeHash"],
        files=len(compilation.sources),
        source_hash=to_hex(compilation.source_hash),
    )


def _how_to(compilation: Compilation, deployed: _Deployed) -> str:
    contract, compiled = deployed.ledger, deployed.compiled
    made = "created" if compiled.name == LEDGER else f"the office of {LEDGER} {contract.currency}, created with it"
    return _HOW_TO.substitute(
        ledger=LEDGER,
        contract=compiled.name,
        identifier=f"{compiled.path}:{compiled.name}",
        compiler=compilation.compiler,
        made=made,
        currency=contract.currency,
        chain_id=deployed.chain_id,
        address=checksum(deployed.address),
        block=contract.block,
        tx=to_hex(contract.tx),
        told_arguments=deployed.told_arguments,
        arguments=deployed.arguments_file,
    )


_ABOUT = Template("""\
# Publishing the source code of $ledger

| field | value |
|---|---|
| contracts | $contracts |
| compiler | `$compiler`; for services that want a v in front `v$compiler` |
| optimizer | $optimizer, $runs runs; via IR $via_ir |
| EVM version | $evm |
| metadata in the code | CBOR appended: $append; bytecode hash: $hash |
| licence | MIT (Etherscan's number 3, Blockscout's `mit`); each source names its own |
| sources | $files files |
| input | `$source_hash`, the `sourceHash` of manifests |

- `$ledger.standard-input.json` is the compiler's whole input: every source and every setting. It asks for all
  outputs; the input that `sourceHash` names asks for less, which changes nothing in the code.
- $metadata: the compiler's own metadata, with the Keccak-256 of every source.
- `constructor-arguments/` has the ABI-encoded arguments of each deployed contract, in hex without 0x.

Compiling the input gives the deployed code, with zeros in the places of the immutables, which the services leave out
of their comparison. The code carries no hash of its metadata: it is nothing but code. So nothing on the chain commits
to the comments and names in the sources, and the best that Sourcify can say is `match`, not `exact_match`; Blockscout
speaks of a partial match. That is as it should be. `chainwallet contracts verify` checks what no service does: the
immutables, and the code's hash by a proof under a block's hash.
""")

_HOW_TO = Template("""
## $contract $currency on chain $chain_id

Address `$address`, $made in block $block by the transaction
`$tx`.
Constructor arguments: $told_arguments.

**Etherscan**, by the form: compiler type `Solidity (Standard-Json-Input)`, compiler version `v$compiler`,
licence MIT; then the file and the arguments. By the API, with your key:

```
curl "https://api.etherscan.io/v2/api?chainid=$chain_id" \\
  --data-urlencode "apikey=$$ETHERSCAN_API_KEY" \\
  --data-urlencode module=contract --data-urlencode action=verifysourcecode \\
  --data-urlencode contractaddress=$address \\
  --data-urlencode codeformat=solidity-standard-json-input \\
  --data-urlencode sourceCode@$ledger.standard-input.json \\
  --data-urlencode contractname=$identifier \\
  --data-urlencode compilerversion=v$compiler \\
  --data-urlencode constructorArguements@$arguments \\
  --data-urlencode licenseType=3
curl "https://api.etherscan.io/v2/api?chainid=$chain_id&module=contract&action=checkverifystatus&guid=$$GUID&apikey=$$ETHERSCAN_API_KEY"
```

The `result` of the first is the `GUID` of the second. `constructorArguements` is the spelling that the API has always
had; its newer pages write `constructorArguments`.

**Blockscout**, by the form: `Solidity (Standard JSON input)`. By the API, at the chain's explorer:

```
curl "$$BLOCKSCOUT/api/v2/smart-contracts/$address/verification/via/standard-input" \\
  -F compiler_version=v$compiler -F contract_name=$contract -F license_type=mit \\
  -F autodetect_constructor_args=false -F "constructor_args=<$arguments" \\
  -F "files[0]=@$ledger.standard-input.json;type=application/json"
curl "$$BLOCKSCOUT/api/v2/smart-contracts/$address"
```

The first starts it; `is_verified` in the answer to the second says when it is done.

**Sourcify**, by the form at https://verify.sourcify.dev: the same file. By the API:

```
jq '{stdJsonInput: ., compilerVersion: "$compiler", contractIdentifier: "$identifier",
  creationTransactionHash: "$tx"}' \\
  $ledger.standard-input.json > request.json
curl -H "Content-Type: application/json" --data-binary @request.json \\
  "https://sourcify.dev/server/v2/verify/$chain_id/$address"
curl "https://sourcify.dev/server/v2/verify/$$VERIFICATION_ID"
```

The first answers with a `verificationId`, the second says how it went. `$contract.metadata.json` serves those who
verify by metadata (`/v2/verify/metadata`).
""")
