"""What the public verification services take: the compiler's input, its metadata, constructor arguments, and how to.

Fields and addresses are those of Etherscan's API v2 (``verifysourcecode``), Blockscout's REST API v2
(``verification/via/standard-input``) and Sourcify's API v2 (``/v2/verify``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from string import Template

from chainwallet.abi.calls import constructor_data
from chainwallet.compiler import Compiled, json_text
from chainwallet.deployment import ADMIN_DELAY_S
from chainwallet.evm import checksum, keccak256, to_hex
from chainwallet.manifest import Contract, Manifest

README = "README.md"


@dataclass(frozen=True)
class Publication:
    """Files to publish by their path, and the contracts of the manifests that they do not speak for."""

    files: dict[str, str]
    included: tuple[Contract, ...]
    left_out: tuple[Contract, ...]
    """Deployed from other code than ``compiled``'s."""


@dataclass(frozen=True)
class _Deployed:
    """One contract on its chain."""

    chain_id: int
    contract: Contract

    @property
    def arguments(self) -> str:
        """The constructor's arguments, ABI-encoded, in hex without 0x."""
        return constructor_data(self.contract.currency, self.contract.admin, ADMIN_DELAY_S).hex()

    @property
    def arguments_file(self) -> str:
        """Where they are kept; by chain and address, because a currency may be on many chains."""
        return f"constructor-arguments/{self.chain_id}-{checksum(self.contract.address)}.txt"


def publication_of(compiled: Compiled, manifests: Iterable[Manifest]) -> Publication:
    """Everything that the services ask for to verify ``compiled`` at each address that ``manifests`` name."""
    ours = keccak256(compiled.masked(compiled.runtime_code))
    every = [_Deployed(manifest.chain.chain_id, each) for manifest in manifests for each in manifest.contracts]
    included = [each for each in every if each.contract.masked_code_hash == ours]
    files = {
        f"{compiled.contract}.standard-input.json": json_text(compiled.given),
        f"{compiled.contract}.metadata.json": compiled.metadata,
        **{each.arguments_file: each.arguments for each in included},  # no line end: forms and curl send it as it is
    }
    files[README] = _about(compiled) + "".join(_how_to(compiled, each) for each in included)
    return Publication(
        files=files,
        included=tuple(each.contract for each in included),
        left_out=tuple(each.contract for each in every if each not in included),
    )


def _about(compiled: Compiled) -> str:
    settings = compiled.given["settings"]
    return _ABOUT.substitute(
        _names(compiled),
        optimizer="on" if settings["optimizer"]["enabled"] else "off",
        runs=settings["optimizer"]["runs"],
        via_ir="on" if settings["viaIR"] else "off",
        evm=settings["evmVersion"],
        append="yes" if settings["metadata"]["appendCBOR"] else "no",
        hash=settings["metadata"]["bytecodeHash"],
        files=len(compiled.sources),
        source_hash=to_hex(compiled.source_hash),
    )


def _how_to(compiled: Compiled, deployed: _Deployed) -> str:
    contract = deployed.contract
    return _HOW_TO.substitute(
        _names(compiled),
        currency=contract.currency,
        chain_id=deployed.chain_id,
        address=checksum(contract.address),
        block=contract.block,
        tx=to_hex(contract.tx),
        admin=checksum(contract.admin),
        delay=ADMIN_DELAY_S,
        arguments=deployed.arguments_file,
    )


def _names(compiled: Compiled) -> dict[str, str]:
    return {
        "contract": compiled.contract,
        "identifier": f"src/{compiled.contract}.sol:{compiled.contract}",
        "compiler": compiled.compiler,
    }


_ABOUT = Template("""\
# Publishing the source code of $contract

| field | value |
|---|---|
| contract | `$contract`, in full `$identifier` |
| compiler | `$compiler`; for services that want a v in front `v$compiler` |
| optimizer | $optimizer, $runs runs; via IR $via_ir |
| EVM version | $evm |
| metadata in the code | CBOR appended: $append; bytecode hash: $hash |
| licence | MIT (Etherscan's number 3, Blockscout's `mit`); each source names its own |
| sources | $files files |
| input | `$source_hash`, the `sourceHash` of manifests |

- `$contract.standard-input.json` is the compiler's whole input: every source and every setting. It asks for all
  outputs; the input that `sourceHash` names asks for less, which changes nothing in the code.
- `$contract.metadata.json` is the compiler's own metadata, with the Keccak-256 of every source.
- `constructor-arguments/` has the ABI-encoded arguments of each deployed contract, in hex without 0x.

Compiling the input gives the deployed code, with zeros in the places of the immutables, which the services leave out
of their comparison. The code carries no hash of its metadata: it is nothing but code. So nothing on the chain commits
to the comments and names in the sources, and the best that Sourcify can say is `match`, not `exact_match`; Blockscout
speaks of a partial match. That is as it should be. `chainwallet contracts verify` checks what no service does: the
immutables, and the code's hash by a proof under a block's hash.
""")

_HOW_TO = Template("""
## $contract $currency on chain $chain_id

Address `$address`, created in block $block by the transaction
`$tx` with the arguments currency $currency,
admin $admin, admin delay $delay s.

**Etherscan**, by the form: compiler type `Solidity (Standard-Json-Input)`, compiler version `v$compiler`,
licence MIT; then the file and the arguments. By the API, with your key:

```
curl "https://api.etherscan.io/v2/api?chainid=$chain_id" \\
  --data-urlencode "apikey=$$ETHERSCAN_API_KEY" \\
  --data-urlencode module=contract --data-urlencode action=verifysourcecode \\
  --data-urlencode contractaddress=$address \\
  --data-urlencode codeformat=solidity-standard-json-input \\
  --data-urlencode sourceCode@$contract.standard-input.json \\
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
  -F "files[0]=@$contract.standard-input.json;type=application/json"
curl "$$BLOCKSCOUT/api/v2/smart-contracts/$address"
```

The first starts it; `is_verified` in the answer to the second says when it is done.

**Sourcify**, by the form at https://verify.sourcify.dev: the same file. By the API:

```
jq '{stdJsonInput: ., compilerVersion: "$compiler", contractIdentifier: "$identifier",
  creationTransactionHash: "$tx"}' \\
  $contract.standard-input.json > request.json
curl -H "Content-Type: application/json" --data-binary @request.json \\
  "https://sourcify.dev/server/v2/verify/$chain_id/$address"
curl "https://sourcify.dev/server/v2/verify/$$VERIFICATION_ID"
```

The first answers with a `verificationId`, the second says how it went. `$contract.metadata.json` serves those who
verify by metadata (`/v2/verify/metadata`).
""")
