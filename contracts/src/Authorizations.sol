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

    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

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
        _transfer(Authorization(from, to, value, validAfter, validBefore, nonce), abi.encodePacked(r, s, v));
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
        _transfer(Authorization(from, to, value, validAfter, validBefore, nonce), signature);
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
        _receive(Authorization(from, to, value, validAfter, validBefore, nonce), abi.encodePacked(r, s, v));
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
        _receive(Authorization(from, to, value, validAfter, validBefore, nonce), signature);
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external {
        _cancel(authorizer, nonce, abi.encodePacked(r, s, v));
    }

    /// @inheritdoc ICash
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external {
        _cancel(authorizer, nonce, signature);
    }

    function _transfer(Authorization memory authorization, bytes memory signature) private {
        _execute(Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, authorization, signature);
    }

    /// Only the payee may call, so that nobody can take a deposit's authorization out of the payee's own transaction.
    function _receive(Authorization memory authorization, bytes memory signature) private {
        if (msg.sender != authorization.to) revert CallerNotPayee(msg.sender, authorization.to);
        _execute(Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH, authorization, signature);
    }

    function _execute(bytes32 typeHash, Authorization memory a, bytes memory signature) private whenMovable {
        if (block.timestamp <= a.validAfter) revert NotYetValid(a.validAfter, block.timestamp);
        _requireBefore(a.validBefore);
        _requireSigned(
            a.from,
            Documents.authorization(typeHash, a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce),
            signature
        );
        _useAuthorizationNonce(a.from, a.nonce);
        emit AuthorizationUsed(a.from, a.nonce);
        _move(a.from, a.to, a.value);
    }

    function _cancel(address authorizer, bytes32 nonce, bytes memory signature) private {
        _requireSigned(authorizer, Documents.cancelAuthorization(authorizer, nonce), signature);
        _useAuthorizationNonce(authorizer, nonce);
        emit AuthorizationCanceled(authorizer, nonce);
    }
}
