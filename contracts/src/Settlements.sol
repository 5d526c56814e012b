// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "./Documents.sol";
import {ICash, Leg, SignedConsent} from "./ICash.sol";
import {Ledger} from "./Ledger.sol";
import {Account} from "./Account.sol";
import {Signatures} from "./Signatures.sol";

/// @title A whole bill or group cleared in one step: all legs or none.
abstract contract Settlements is Ledger {
    uint256 public constant MAX_LEGS = 256;

    /// @inheritdoc ICash
    function settle(
        Leg[] calldata debits,
        Leg[] calldata credits,
        bytes32 context,
        address operator,
        uint256 validBefore,
        SignedConsent[] calldata consents
    ) external whenMovable {
        _requireBefore(validBefore);
        if (operator != address(0) && operator != msg.sender) revert WrongOperator(msg.sender, operator);
        if (debits.length == 0) revert EmptySettlement();
        if (debits.length + credits.length > MAX_LEGS) revert TooManyLegs(debits.length + credits.length, MAX_LEGS);
        if (consents.length != debits.length) revert ConsentsMissing(consents.length, debits.length);

        bytes32 settlementHash =
            Documents.settlement(_hashedInOrder(debits), _hashedInOrder(credits), context, operator, validBefore);
        _requireApart(debits, credits);
        _requireConsents(debits, consents, settlementHash);
        uint256[] memory nonces_ = _debitAll(debits, consents);
        _creditAll(debits, credits);
        emit Settled(settlementHash, context, nonces_);
    }

    /// The EIP-712 hash of an array of legs. Reverts unless they ascend strictly by account and none is empty.
    function _hashedInOrder(Leg[] calldata legs) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](legs.length);
        address previous = address(0);
        for (uint256 i = 0; i < legs.length; ++i) {
            Leg calldata leg = legs[i];
            (address account, uint256 amount) = (leg.account, leg.amount);
            if (account <= previous) revert LegsNotAscending(previous, account);
            if (amount == 0) revert EmptyLeg(account);
            hashes[i] = Documents.leg(account, amount);
            previous = account;
        }
        return keccak256(abi.encodePacked(hashes));
    }

    /// Reverts where an account is on both sides: walks both ascending sides at once.
    function _requireApart(Leg[] calldata debits, Leg[] calldata credits) private pure {
        (uint256 i, uint256 j) = (0, 0);
        while (i < debits.length && j < credits.length) {
            (address debtor, address creditor) = (debits[i].account, credits[j].account);
            if (debtor == creditor) revert LegOnBothSides(debtor);
            if (debtor < creditor) ++i;
            else ++j;
        }
    }

    function _requireConsents(Leg[] calldata debits, SignedConsent[] calldata consents, bytes32 settlementHash)
        private
        view
    {
        for (uint256 i = 0; i < debits.length; ++i) {
            SignedConsent calldata consent = consents[i];
            _requireSigned(debits[i].account, Documents.consent(settlementHash, consent.nonce), consent.signature);
        }
    }

    function _debitAll(Leg[] calldata debits, SignedConsent[] calldata consents)
        private
        returns (uint256[] memory nonces_)
    {
        nonces_ = new uint256[](debits.length);
        for (uint256 i = 0; i < debits.length; ++i) {
            (address debtor, uint256 amount, uint256 nonce) = (debits[i].account, debits[i].amount, consents[i].nonce);
            Account account = _withNonceUsed(debtor, _accounts[debtor], nonce);
            _accounts[debtor] = _debited(debtor, account, amount);
            nonces_[i] = nonce;
        }
    }

    /// Credits all and emits the `Transfer`s: debits are handed to credits in order, split where one does not fill the
    /// other. Reverts where the sums differ.
    function _creditAll(Leg[] calldata debits, Leg[] calldata credits) private {
        uint256 next = 0; // the debit that pays now
        uint256 left = 0; // what is left of the debit before it
        for (uint256 i = 0; i < credits.length; ++i) {
            (address creditor, uint256 open) = (credits[i].account, credits[i].amount);
            _requirePayee(creditor);
            _accounts[creditor] = _credited(creditor, _accounts[creditor], open);
            while (open != 0) {
                if (left == 0) {
                    if (next == debits.length) revert SumsDiffer(_sum(debits), _sum(credits));
                    left = debits[next++].amount;
                }
                uint256 part = left < open ? left : open;
                emit Transfer(debits[next - 1].account, creditor, part);
                open -= part;
                left -= part;
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
