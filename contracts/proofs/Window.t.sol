// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, AccountWord} from "../src/Account.sol";
import {ProofBase} from "./ProofBase.sol";

/// The replay window, for all words and all window nonces, against a plain model: a nonce is used where its bit says so.
contract WindowProof is ProofBase {
    uint256 private constant WIDTH = 64;
    uint256 private constant REACH = 63 + 1_024;

    /// Whether the window of `account` holds `nonce` as used. The nonces outside the window have no bit.
    function _isUsed(Account account, uint256 nonce) private pure returns (bool) {
        uint256 base = account.windowBase();
        return nonce >= base && nonce < base + WIDTH && (account.window() >> (nonce - base)) & 1 == 1;
    }

    function check_aNonceIsGoodOnceAtMost(uint256 word, uint56 nonce) public pure {
        (bool good, Account next) = Account.wrap(word).withNonceUsed(nonce);
        if (good) {
            (bool again, Account afterwards) = next.withNonceUsed(nonce);
            assert(!again);
            assert(Account.unwrap(afterwards) == Account.unwrap(next));
        }
    }

    /// Whatever was used in between: a dead nonce stays dead in one more step, and so in any number of steps.
    function check_aDeadNonceStaysDeadAfterAnyUse(uint256 word, uint56 nonce, uint56 other) public pure {
        Account account = Account.wrap(word);
        vm.assume(nonce < account.windowBase() || _isUsed(account, nonce));
        (, Account next) = account.withNonceUsed(other);
        (bool good,) = next.withNonceUsed(nonce);
        assert(!good);
    }

    function check_aDeadNonceStaysDeadAfterAnyCancel(uint256 word, uint56 nonce, uint56 upTo) public pure {
        Account account = Account.wrap(word);
        vm.assume(nonce < account.windowBase() || _isUsed(account, nonce));
        vm.assume(upTo > account.windowBase());
        (bool good,) = account.withNoncesCanceled(upTo).withNonceUsed(nonce);
        assert(!good);
    }

    function check_aNonceIsGoodExactlyWhereTheModelSaysSo(uint256 word, uint56 nonce) public pure {
        Account account = Account.wrap(word);
        uint256 base = account.windowBase();
        (bool good,) = account.withNonceUsed(nonce);
        assert(good == (nonce >= base && nonce <= base + REACH && !_isUsed(account, nonce)));
    }

    /// The whole window after a use: its base, and every place of it (`other` is any).
    function check_theWindowAfterAUseIsTheModels(uint256 word, uint56 nonce, uint56 other) public pure {
        Account account = Account.wrap(word);
        uint256 base = account.windowBase();
        (bool good, Account next) = account.withNonceUsed(nonce);
        vm.assume(good);
        assert(next.windowBase() == (nonce < base + WIDTH ? base : nonce - (WIDTH - 1)));
        if (other >= next.windowBase()) {
            assert(_isUsed(next, other) == (other == nonce || _isUsed(account, other)));
        }
    }

    /// The places that lie beyond the last window nonce too: no bit appears from nowhere.
    function check_noBitBeyondTheNumberSpaceIsSet(uint256 word, uint56 nonce, uint8 place) public pure {
        Account account = Account.wrap(word);
        vm.assume(place < WIDTH);
        vm.assume(account.windowBase() + place > type(uint56).max);
        (bool good, Account next) = account.withNonceUsed(nonce);
        vm.assume(good && next.windowBase() == account.windowBase());
        assert((next.window() >> place) & 1 == (account.window() >> place) & 1);
    }

    function check_theBaseNeverFallsAndSlidesBy1024AtMost(uint256 word, uint56 nonce) public pure {
        Account account = Account.wrap(word);
        (, Account next) = account.withNonceUsed(nonce);
        assert(next.windowBase() >= account.windowBase());
        assert(next.windowBase() - account.windowBase() <= 1_024);
    }

    function check_aCanceledNonceIsNeverGood(uint256 word, uint56 upTo, uint56 nonce) public pure {
        Account account = Account.wrap(word);
        vm.assume(upTo > account.windowBase());
        vm.assume(nonce < upTo);
        (bool good,) = account.withNoncesCanceled(upTo).withNonceUsed(nonce);
        assert(!good);
    }

    function check_aCancelKeepsTheStateOfTheNoncesAboveIt(uint256 word, uint56 upTo, uint56 nonce) public pure {
        Account account = Account.wrap(word);
        vm.assume(upTo > account.windowBase());
        vm.assume(nonce >= upTo);
        assert(_isUsed(account.withNoncesCanceled(upTo), nonce) == _isUsed(account, nonce));
    }
}
