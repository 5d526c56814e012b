// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Account} from "./Account.sol";
import {Documents} from "./Documents.sol";
import {Hashing} from "./Hashing.sol";
import {IMovements, Leg} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";
import {Signatures} from "./Signatures.sol";
import {Words} from "./Words.sol";

/// @title A whole bill or group cleared in one step: all legs or none.
/// @dev The loops count to the length of an array of at most `MAX_LEGS` legs, so their counters cannot overflow.
abstract contract Settlements is Ledger, IMovements {
    uint256 internal constant MAX_LEGS = 256;
    uint256 private constant SHORT_CONSENT_SIZE = 72;
    uint256 private constant LONG_CONSENT_HEAD = 35;

    /// @inheritdoc IMovements
    function settle(
        Leg[] calldata debits,
        Leg[] calldata credits,
        bytes calldata consents,
        bytes32 context,
        address operator,
        uint256 validBefore
    ) external whenMovable {
        _requireBefore(validBefore);
        if (operator != address(0) && operator != msg.sender) revert WrongOperator(msg.sender, operator);
        if (debits.length == 0) revert EmptySettlement();
        if (debits.length + credits.length > MAX_LEGS) revert TooManyLegs(debits.length + credits.length, MAX_LEGS);

        bytes32 settlementHash =
            Documents.settlement(_hashedInOrder(debits), _hashedInOrder(credits), context, operator, validBefore);
        uint256[] memory nonces_ = _requireDebtors(debits, credits, consents, settlementHash);
        _debitAll(debits, nonces_);
        _creditAll(debits, credits);
        emit Settled(settlementHash, context, nonces_);
    }

    /// The EIP-712 hash of an array of legs. Reverts unless they ascend strictly by account and none is empty, and where
    /// an account has dirty upper bits: from here on `_legAt` may read them as they are. As the accounts ascend as whole
    /// words, all are clean where the last one is.
    function _hashedInOrder(Leg[] calldata legs) private pure returns (bytes32) {
        uint256 count = legs.length;
        bytes32[] memory hashes = new bytes32[](count);
        uint256 previous = 0;
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                (uint256 account, uint256 amount) = _wordsAt(legs, i);
                if (account <= previous) {
                    revert LegsNotAscending(address(uint160(previous)), address(uint160(account)));
                }
                if (amount == 0) revert EmptyLeg(address(uint160(account)));
                Words.put(hashes, i, Hashing.hash(Documents.LEG_TYPEHASH, bytes32(account), bytes32(amount)));
                previous = account;
            }
        }
        if (previous > type(uint160).max) revert DirtyAddress(previous);
        return Hashing.hash(hashes);
    }

    /// Leg `i`, whose account `_hashedInOrder` found clean. The caller has checked `i < legs.length`.
    function _legAt(Leg[] calldata legs, uint256 i) private pure returns (address account, uint256 amount) {
        uint256 word;
        (word, amount) = _wordsAt(legs, i);
        account = address(uint160(word));
    }

    /// The two words of leg `i`. Assembly: the legs are read four times, and the checks of bounds and of clean addresses are
    /// 60 gas each time. The caller has checked `i < legs.length`. Touches no memory.
    function _wordsAt(Leg[] calldata legs, uint256 i) private pure returns (uint256 account, uint256 amount) {
        assembly ("memory-safe") {
            let leg := add(legs.offset, shl(6, i))
            account := calldataload(leg)
            amount := calldataload(add(leg, 0x20))
        }
    }

    /// Reverts unless every debtor signed and is no creditor; the nonces of their consents, in order. Both sides ascend,
    /// so one walk over the creditors serves all debtors.
    function _requireDebtors(
        Leg[] calldata debits,
        Leg[] calldata credits,
        bytes calldata consents,
        bytes32 settlementHash
    ) private view returns (uint256[] memory nonces_) {
        uint256 count = debits.length;
        nonces_ = new uint256[](count);
        bytes32 domainSeparator = _domainSeparatorV4();
        uint256 offset = 0; // where the next consent begins
        uint256 j = 0;
        address creditor = address(0);
        if (credits.length != 0) (creditor,) = _legAt(credits, 0);
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                (address debtor,) = _legAt(debits, i);
                while (creditor < debtor && ++j < credits.length) (creditor,) = _legAt(credits, j);
                if (creditor == debtor) revert LegOnBothSides(debtor);
                uint256 nonce;
                (nonce, offset) = _requireConsent(debtor, consents, offset, domainSeparator, settlementHash);
                Words.put(nonces_, i, nonce);
            }
        }
        if (offset != consents.length) revert MalformedConsents(consents.length);
    }

    /// Reverts unless the consent that begins at `offset` is `debtor`'s; its nonce, and where the next one begins. See
    /// `ICash.settle` for the two forms.
    function _requireConsent(
        address debtor,
        bytes calldata consents,
        uint256 offset,
        bytes32 domainSeparator,
        bytes32 settlementHash
    ) private view returns (uint256 nonce, uint256 next) {
        uint256 form;
        bytes32 r;
        bytes32 vs;
        (form, nonce, r, vs) = _shortConsentAt(consents, offset);
        unchecked {
            next = offset + SHORT_CONSENT_SIZE;
        }
        if (form != 0 || next > consents.length) {
            return _requireLongConsent(debtor, consents, offset, domainSeparator, settlementHash);
        }
        bytes32 digest =
            MessageHashUtils.toTypedDataHash(domainSeparator, Documents.consent(debtor, settlementHash, nonce));
        if (!Signatures.isByKey(debtor, digest, r, vs)) revert InvalidSignature(debtor);
    }

    /// A consent in its short form. Assembly: slicing each field with bounds checks costs 300 gas a debtor more. Where the
    /// consent does not lie inside `consents`, what is read means nothing: the caller checks that. Touches no memory.
    function _shortConsentAt(bytes calldata consents, uint256 offset)
        private
        pure
        returns (uint256 form, uint256 nonce, bytes32 r, bytes32 vs)
    {
        assembly ("memory-safe") {
            let from := add(consents.offset, offset)
            let head := calldataload(from)
            form := shr(248, head)
            nonce := shr(200, shl(8, head))
            r := calldataload(add(from, 8))
            vs := calldataload(add(from, 40))
        }
    }

    function _requireLongConsent(
        address debtor,
        bytes calldata consents,
        uint256 offset,
        bytes32 domainSeparator,
        bytes32 settlementHash
    ) private view returns (uint256 nonce, uint256 next) {
        unchecked {
            uint256 signatureAt = offset + LONG_CONSENT_HEAD;
            if (signatureAt > consents.length || consents[offset] != 0x01) revert MalformedConsents(consents.length);
            nonce = uint256(bytes32(consents[offset + 1:offset + 33]));
            next = signatureAt + uint16(bytes2(consents[offset + 33:signatureAt]));
            if (next > consents.length) revert MalformedConsents(consents.length);
            bytes32 structHash = Documents.consent(debtor, settlementHash, nonce);
            _requireSigned(debtor, domainSeparator, structHash, consents[signatureAt:next]);
        }
    }

    function _debitAll(Leg[] calldata debits, uint256[] memory nonces_) private {
        uint256 count = debits.length;
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                (address debtor, uint256 amount) = _legAt(debits, i);
                Holding storage holding = _holdings[debtor];
                holding.account =
                    _debited(debtor, _withNonceUsed(debtor, holding.account, Words.get(nonces_, i)), amount);
            }
        }
    }

    /// Credits all and emits the `Transfer`s: debits are handed to credits in order, split where one does not fill the
    /// other. Reverts where the sums differ.
    function _creditAll(Leg[] calldata debits, Leg[] calldata credits) private {
        uint256 next = 0; // the debit that pays next
        uint256 left = 0; // what is left of the debit that pays now
        address debtor = address(0);
        unchecked {
            for (uint256 i = 0; i < credits.length; ++i) {
                (address creditor, uint256 open) = _legAt(credits, i);
                _credit(creditor, open);
                while (open != 0) {
                    if (left == 0) {
                        if (next == debits.length) revert SumsDiffer(_sum(debits), _sum(credits));
                        (debtor, left) = _legAt(debits, next++);
                    }
                    uint256 part = left < open ? left : open;
                    emit IERC20.Transfer(debtor, creditor, part);
                    open -= part;
                    left -= part;
                }
            }
        }
        if (left != 0 || next != debits.length) revert SumsDiffer(_sum(debits), _sum(credits));
    }

    /// The sum of the amounts; the largest number where it does not fit.
    function _sum(Leg[] calldata legs) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < legs.length; ++i) {
            uint256 amount = legs[i].amount;
            if (amount > type(uint256).max - sum) return type(uint256).max;
            sum += amount;
        }
    }
}
