// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Whether an account signed a digest: ECDSA first, then ERC-1271 with capped gas.
/// @dev ECDSA comes first so that an externally owned account with delegated code (EIP-7702) keeps signing with its key.
/// High-s signatures, `v` other than 27 and 28, and the zero signer are refused (EIP-2, OpenZeppelin's ECDSA).
library Signatures {
    /// Enough for a Safe with several owners; bounds what one debtor's account can burn of a settlement's gas.
    uint256 internal constant ERC1271_GAS = 200_000;

    /// `signature` has 65 bytes (r, s, v), 64 bytes (r, vs of EIP-2098), or is the ERC-1271 account's own business.
    function isValid(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signature.length == 64 || signature.length == 65) {
            (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(signature);
            if (isByKey(signer, digest, v, r, s)) return true;
        }
        return signer.code.length != 0 && _isByErc1271(signer, digest, signature);
    }

    function isValid(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s) internal view returns (bool) {
        if (isByKey(signer, digest, v, r, s)) return true;
        return signer.code.length != 0 && _isByErc1271(signer, digest, abi.encodePacked(r, s, v));
    }

    function isByKey(address signer, bytes32 digest, uint8 v, bytes32 r, bytes32 s) internal pure returns (bool) {
        // slither-disable-next-line unused-return - why there is no signer does not matter
        (address recovered,,) = ECDSA.tryRecover(digest, v, r, s);
        return recovered != address(0) && recovered == signer;
    }

    /// As above, for the compact form of EIP-2098.
    function isByKey(address signer, bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (bool) {
        // slither-disable-next-line unused-return - as above
        (address recovered,,) = ECDSA.tryRecover(digest, r, vs);
        return recovered != address(0) && recovered == signer;
    }

    /// Assembly: Solidity's own call would copy whatever an account returns; this copies one word at most. Memory-safe:
    /// reads `data`, writes the scratch word at 0x00.
    function _isByErc1271(address signer, bytes32 digest, bytes memory signature) private view returns (bool) {
        bytes memory data = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bool success;
        bytes32 answer;
        assembly ("memory-safe") {
            success := staticcall(ERC1271_GAS, signer, add(data, 0x20), mload(data), 0x00, 0x20)
            success := and(success, gt(returndatasize(), 0x1f))
            answer := mload(0x00)
        }
        return success && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
