// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Account, AccountWord} from "./Account.sol";
import {Documents} from "./Documents.sol";
import {IMovements, SkipReason} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";
import {Signatures} from "./Signatures.sol";

/// @title Many signed payments in one call; a bad one does not stop the others.
abstract contract Payments is Ledger, IMovements {
    /// One item as read. The first seven words are the encoding that EIP-712 hashes, so hashing copies nothing.
    struct Item {
        bytes32 typeHash;
        address from;
        address to;
        uint256 value;
        bytes32 paymentRef;
        uint256 nonce;
        uint256 validBefore;
        bytes32 r;
        bytes32 vs;
    }

    uint256 private constant ITEM_SIZE = 160;
    uint256 private constant WIDE_ITEM_SIZE = 185;

    /// @inheritdoc IMovements
    function pay(bytes calldata items) external returns (uint256 paid) {
        return _payAll(items, ITEM_SIZE, 7);
    }

    /// @inheritdoc IMovements
    function payWide(bytes calldata items) external returns (uint256 paid) {
        return _payAll(items, WIDE_ITEM_SIZE, 32);
    }

    function _payAll(bytes calldata items, uint256 itemSize, uint256 nonceSize)
        private
        whenMovable
        returns (uint256 paid)
    {
        if (items.length % itemSize != 0) revert MalformedItems(items.length, itemSize);
        bytes32 domainSeparator = _domainSeparatorV4();
        // slither-disable-next-line uninitialized-local - `_read` fills it for every item
        Item memory item;
        item.typeHash = Documents.PAYMENT_TYPEHASH;
        unchecked {
            for (uint256 offset = 0; offset < items.length; offset += itemSize) {
                _read(item, items, offset, nonceSize);
                SkipReason reason = _payOne(item, domainSeparator);
                if (reason == SkipReason.None) ++paid;
                else emit Skipped(item.from, item.nonce, reason);
            }
        }
    }

    /// Checks everything about an item, then writes: nothing was changed where the reason is not `None`.
    function _payOne(Item memory item, bytes32 domainSeparator) private returns (SkipReason) {
        if (block.timestamp >= item.validBefore) return SkipReason.Expired;
        (address from, address to, uint256 value, uint256 nonce) = (item.from, item.to, item.value, item.nonce);

        Holding storage holding = _holdings[from];
        Account payer = holding.account;
        bool isWindow = nonce < AccountWord.WINDOW_NONCE_END;
        bool isGood;
        if (isWindow) (isGood, payer) = payer.withNonceUsed(nonce);
        else isGood = !_isTagged(nonce) && !_isWideNonceUsed(from, nonce);
        if (!isGood) return SkipReason.NonceUnavailable;

        if (payer.isFrozen()) return SkipReason.PayerFrozen;
        Holding storage payeeHolding = _holdings[to];
        Account payee = payeeHolding.account;
        if (payee.isFrozen()) return _isNoAccount(to) ? SkipReason.InvalidPayee : SkipReason.PayeeFrozen;
        if (value > payer.balance()) return SkipReason.InsufficientBalance;
        if (!_isSignedByPayer(item, domainSeparator)) return SkipReason.InvalidSignature;

        if (!isWindow) _useWideNonce(from, nonce);
        payer = payer.debited(value);
        holding.account = payer;
        payeeHolding.account = (from == to ? payer : payee).credited(value);
        emit IERC20.Transfer(from, to, value);
        emit Paid(item.paymentRef, nonce);
        return SkipReason.None;
    }

    function _isSignedByPayer(Item memory item, bytes32 domainSeparator) private pure returns (bool) {
        bytes32 digest = MessageHashUtils.toTypedDataHash(domainSeparator, _structHash(item));
        return Signatures.isByKey(item.from, digest, item.r, item.vs);
    }

    /// EIP-712's hash of the payment: of the first seven words of `item`. Assembly: the plain `Documents.payment` would
    /// copy them first, 100 gas an item; a test compares the two. Memory-safe: reads the words of `item`.
    function _structHash(Item memory item) private pure returns (bytes32 structHash) {
        assembly ("memory-safe") {
            structHash := keccak256(item, 0xe0)
        }
    }

    /// Unpacks the item at `offset` into `item`. Assembly: slicing each field with bounds checks costs 600 gas an item
    /// more. The caller has checked that the whole item lies inside `items`. Memory-safe: writes words 2 to 9 of `item`.
    function _read(Item memory item, bytes calldata items, uint256 offset, uint256 nonceSize) private pure {
        assembly ("memory-safe") {
            let from := add(items.offset, offset)
            mstore(add(item, 0x20), shr(96, calldataload(from)))
            mstore(add(item, 0x40), shr(96, calldataload(add(from, 20))))
            mstore(add(item, 0x60), shr(160, calldataload(add(from, 40))))
            mstore(add(item, 0x80), calldataload(add(from, 52)))
            mstore(add(item, 0xa0), shr(sub(256, shl(3, nonceSize)), calldataload(add(from, 84))))
            let rest := add(add(from, 84), nonceSize)
            mstore(add(item, 0xc0), shr(216, calldataload(rest)))
            mstore(add(item, 0xe0), calldataload(add(rest, 5)))
            mstore(add(item, 0x100), calldataload(add(rest, 37)))
        }
    }
}
