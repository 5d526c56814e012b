// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "./Documents.sol";
import {ICash} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";

/// @title ERC-3009: transfers by one signature with the payer's choice of nonce.
abstract contract Authorizations is Ledger {
    // The names are ERC-3009's.
    // solhint-disable-next-line var-name-mixedcase
    bytes32 public constant TRANSFER_WITH_AUTHORIZATION_TYPEHASH = Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
    bytes32 public constant RECEIVE_WITH_AUTHORIZATION_TYPEHASH = Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH;
    bytes32 public constant CANCEL_AUTHORIZATION_TYPEHASH = Documents.CANCEL_AUTHORIZATION_TYPEHASH;

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        bytes32 typeHash = Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
        bytes32 structHash = Documents.authorization(typeHash, from, to, value, validAfter, validBefore, nonce);
        _requireSigned(from, structHash, v, r, s);
        _execute(from, to, value, validAfter, validBefore, nonce);
    }

    /// @inheritdoc ICash
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        bytes32 typeHash = Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
        bytes32 structHash = Documents.authorization(typeHash, from, to, value, validAfter, validBefore, nonce);
        _requireSigned(from, structHash, signature);
        _execute(from, to, value, validAfter, validBefore, nonce);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        _requireCallerIsPayee(to);
        bytes32 typeHash = Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH;
        bytes32 structHash = Documents.authorization(typeHash, from, to, value, validAfter, validBefore, nonce);
        _requireSigned(from, structHash, v, r, s);
        _execute(from, to, value, validAfter, validBefore, nonce);
    }

    /// @inheritdoc ICash
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external {
        _requireCallerIsPayee(to);
        bytes32 typeHash = Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH;
        bytes32 structHash = Documents.authorization(typeHash, from, to, value, validAfter, validBefore, nonce);
        _requireSigned(from, structHash, signature);
        _execute(from, to, value, validAfter, validBefore, nonce);
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _requireSigned(authorizer, Documents.cancelAuthorization(authorizer, nonce), v, r, s);
        _cancel(authorizer, nonce);
    }

    /// @inheritdoc ICash
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _requireSigned(authorizer, Documents.cancelAuthorization(authorizer, nonce), signature);
        _cancel(authorizer, nonce);
    }

    /// Only the payee may call, so that nobody can take a deposit's authorization out of the payee's own transaction.
    function _requireCallerIsPayee(address to) private view {
        if (msg.sender != to) revert CallerNotPayee(msg.sender, to);
    }

    /// Carries out an authorization whose signature was checked.
    function _execute(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce)
        private
        whenMovable
    {
        if (block.timestamp <= validAfter) revert NotYetValid(validAfter, block.timestamp);
        _requireBefore(validBefore);
        _useAuthorizationNonce(from, nonce);
        emit AuthorizationUsed(from, nonce);
        _move(from, to, value);
    }

    /// Cancels a nonce whose owner's signature was checked.
    function _cancel(address authorizer, bytes32 nonce) private {
        _useAuthorizationNonce(authorizer, nonce);
        emit AuthorizationCanceled(authorizer, nonce);
    }
}
