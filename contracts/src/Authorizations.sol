// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "./Account.sol";
import {Documents} from "./Documents.sol";
import {IMovements} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";

/// @title ERC-3009: transfers by one signature with the payer's choice of nonce.
abstract contract Authorizations is Ledger, IMovements {
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

    /// @inheritdoc IMovements
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

    /// @inheritdoc IMovements
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

    /// Used, cancelled and dead nonces give true; so do window nonces too far ahead of the window, until it comes near.
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool) {
        uint256 number = uint256(nonce);
        if (_isTagged(number)) return !_isWindowNonceGood(authorizer, uint56(number));
        return _isWideNonceUsed(authorizer, number);
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
        Holding storage payer = _holdings[from];
        Account account = _withAuthorizationNonceUsed(from, payer.account, nonce);
        emit AuthorizationUsed(from, nonce);
        _move(payer, account, from, to, value);
    }
}
