// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, AccountWord} from "../src/Account.sol";
import {ProofBase} from "./ProofBase.sol";

/// The packed account, for all 2 ** 256 words and all arguments that a step's precondition lets through.
contract AccountProof is ProofBase {
    uint256 private constant BALANCE = type(uint96).max;
    uint256 private constant WINDOW = uint256(type(uint64).max) << 96;
    uint256 private constant WINDOW_BASE = uint256(type(uint56).max) << 160;
    uint256 private constant PERMIT_NONCE = uint256(type(uint32).max) << 216;
    uint256 private constant FROZEN = 1 << 248;

    // The library's functions are internal: a call from outside is what can be seen to revert.

    function credited(uint256 word, uint256 value) external pure returns (uint256) {
        return Account.unwrap(Account.wrap(word).credited(value));
    }

    /// Everything but the fields in `mask` is the same in both.
    function _assertOnly(uint256 mask, uint256 word, Account next) private pure {
        assert(word & ~mask == Account.unwrap(next) & ~mask);
    }

    function check_everyGetterReadsItsOwnField(uint96 bal, uint64 bits, uint56 base, uint32 permitNonce, uint8 flags)
        public
        pure
    {
        uint256 word = uint256(bal) | (uint256(bits) << 96) | (uint256(base) << 160) | (uint256(permitNonce) << 216)
            | (uint256(flags) << 248);
        Account account = Account.wrap(word);
        assert(account.balance() == bal);
        assert(account.window() == bits);
        assert(account.windowBase() == base);
        assert(account.permitNonce() == permitNonce);
        assert(account.isFrozen() == (flags & 1 == 1));
    }

    function check_aDebitTouchesOnlyTheBalance(uint256 word, uint256 value) public pure {
        Account account = Account.wrap(word);
        vm.assume(value <= account.balance());
        Account next = account.debited(value);
        assert(next.balance() == account.balance() - value);
        _assertOnly(BALANCE, word, next);
    }

    function check_aCreditTouchesOnlyTheBalanceOrIsRefused(uint256 word, uint256 value) public view {
        Account account = Account.wrap(word);
        bool fits = value <= BALANCE && account.balance() + value <= BALANCE;
        try this.credited(word, value) returns (uint256 next) {
            assert(fits);
            assert(Account.wrap(next).balance() == account.balance() + value);
            _assertOnly(BALANCE, word, Account.wrap(next));
        } catch {
            assert(!fits);
        }
    }

    function check_freezingTouchesOnlyItsFlag(uint256 word, bool frozen) public pure {
        Account next = Account.wrap(word).withFrozen(frozen);
        assert(next.isFrozen() == frozen);
        _assertOnly(FROZEN, word, next);
    }

    function check_theNextPermitNonceTouchesOnlyItsField(uint256 word) public pure {
        Account account = Account.wrap(word);
        vm.assume(account.permitNonce() != type(uint32).max);
        Account next = account.withNextPermitNonce();
        assert(next.permitNonce() == account.permitNonce() + 1);
        _assertOnly(PERMIT_NONCE, word, next);
    }

    function check_usingANonceTouchesOnlyTheWindow(uint256 word, uint56 nonce) public pure {
        (bool good, Account next) = Account.wrap(word).withNonceUsed(nonce);
        _assertOnly(WINDOW | WINDOW_BASE, word, next);
        if (!good) assert(Account.unwrap(next) == word);
    }

    function check_cancellingTouchesOnlyTheWindow(uint256 word, uint56 upTo) public pure {
        Account account = Account.wrap(word);
        vm.assume(upTo > account.windowBase());
        Account next = account.withNoncesCanceled(upTo);
        assert(next.windowBase() == upTo);
        _assertOnly(WINDOW | WINDOW_BASE, word, next);
    }
}
