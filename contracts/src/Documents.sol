// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashing} from "./Hashing.sol";

/// @title EIP-712 type hashes and struct hashes of the documents that move money or cancel them.
library Documents {
    bytes32 internal constant PAYMENT_TYPEHASH = keccak256(
        "Payment(address from,address to,uint256 value,bytes32 paymentRef,uint256 nonce,uint256 validBefore)"
    );
    bytes32 internal constant LEG_TYPEHASH = keccak256("Leg(address account,uint256 amount)");
    bytes32 internal constant SETTLEMENT_TYPEHASH = keccak256(
        "Settlement(Leg[] debits,Leg[] credits,bytes32 context,address operator,uint256 validBefore)Leg(address account,uint256 amount)"
    );
    bytes32 internal constant CONSENT_TYPEHASH = keccak256(
        "Consent(address debtor,Settlement settlement,uint256 nonce)Leg(address account,uint256 amount)Settlement(Leg[] debits,Leg[] credits,bytes32 context,address operator,uint256 validBefore)"
    );
    bytes32 internal constant CANCEL_NONCES_TYPEHASH =
        keccak256("CancelNonces(address account,uint256 upTo,uint256 validBefore)");
    bytes32 internal constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 internal constant CANCEL_AUTHORIZATION_TYPEHASH =
        keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    bytes32 internal constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    function payment(address from, address to, uint256 value, bytes32 paymentRef, uint256 nonce, uint256 validBefore)
        internal
        pure
        returns (bytes32)
    {
        return Hashing.hash(
            PAYMENT_TYPEHASH,
            Hashing.word(from),
            Hashing.word(to),
            bytes32(value),
            paymentRef,
            bytes32(nonce),
            bytes32(validBefore)
        );
    }

    /// `debitsHash` and `creditsHash` are the hashes of the arrays: keccak256 of their legs' struct hashes in a row.
    function settlement(bytes32 debitsHash, bytes32 creditsHash, bytes32 context, address operator, uint256 validBefore)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(SETTLEMENT_TYPEHASH, debitsHash, creditsHash, context, operator, validBefore));
    }

    function leg(address account, uint256 amount) internal pure returns (bytes32) {
        return Hashing.hash(LEG_TYPEHASH, Hashing.word(account), bytes32(amount));
    }

    function consent(address debtor, bytes32 settlementHash, uint256 nonce) internal pure returns (bytes32) {
        return Hashing.hash(CONSENT_TYPEHASH, Hashing.word(debtor), settlementHash, bytes32(nonce));
    }

    function cancelNonces(address account, uint256 upTo, uint256 validBefore) internal pure returns (bytes32) {
        return keccak256(abi.encode(CANCEL_NONCES_TYPEHASH, account, upTo, validBefore));
    }

    /// `typeHash` tells a transfer from a receive: the two documents have the same fields.
    function authorization(
        bytes32 typeHash,
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce
    ) internal pure returns (bytes32) {
        return Hashing.hash(
            typeHash,
            Hashing.word(from),
            Hashing.word(to),
            bytes32(value),
            bytes32(validAfter),
            bytes32(validBefore),
            nonce
        );
    }

    function cancelAuthorization(address authorizer, bytes32 nonce) internal pure returns (bytes32) {
        return keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce));
    }

    function permit(address owner, address spender, uint256 value, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, nonce, deadline));
    }
}
