// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// One account in one storage word, from the lowest bit:
/// balance 96 | window 64 | window base 56 | permit nonce 32 | flags 8 (bit 0: frozen).
type Account is uint256;

using AccountWord for Account global;

/// @title Typed getters and steps of an `Account`. Pure: a step returns the new word, the caller stores it.
library AccountWord {
    uint256 internal constant WINDOW_WIDTH = 64;
    /// A used nonce may lie this far beyond the window at most, so that one document cannot burn the number space.
    uint256 internal constant MAX_SLIDE = 1_024;
    /// Nonces from here on are not window nonces.
    uint256 internal constant WINDOW_NONCE_END = 2 ** 56;
    /// The upper 25 bytes of an ERC-3009 nonce that names a window nonce in its lower 7: the upper 25 bytes of
    /// keccak256("chainwallet.window-nonce"), so that no counter, time stamp or random number of others has them.
    uint256 internal constant WINDOW_NONCE_TAG = uint256(keccak256("chainwallet.window-nonce")) >> 56;

    uint256 private constant WINDOW_AT = 96;
    uint256 private constant BASE_AT = 160;
    uint256 private constant PERMIT_NONCE_AT = 216;
    uint256 private constant FLAGS_AT = 248;
    uint256 private constant FROZEN_BIT = 1 << FLAGS_AT;
    uint256 private constant BALANCE_MASK = type(uint96).max;
    uint256 private constant WINDOW_AND_BASE_MASK =
        (uint256(type(uint64).max) << WINDOW_AT) | (uint256(type(uint56).max) << BASE_AT);

    error BalanceOverflow(uint256 available, uint256 required);

    function balance(Account account) internal pure returns (uint256) {
        return Account.unwrap(account) & BALANCE_MASK;
    }

    function window(Account account) internal pure returns (uint256) {
        return uint64(Account.unwrap(account) >> WINDOW_AT);
    }

    function windowBase(Account account) internal pure returns (uint256) {
        return uint56(Account.unwrap(account) >> BASE_AT);
    }

    function permitNonce(Account account) internal pure returns (uint256) {
        return uint32(Account.unwrap(account) >> PERMIT_NONCE_AT);
    }

    function isFrozen(Account account) internal pure returns (bool) {
        return Account.unwrap(account) & FROZEN_BIT != 0;
    }

    /// The account with `value` less. The caller has checked `value <= balance`, so no field is borrowed from.
    function debited(Account account, uint256 value) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(account) - value);
        }
    }

    /// The account with `value` more. Reverts where the balance would not fit its 96 bits.
    function credited(Account account, uint256 value) internal pure returns (Account) {
        unchecked {
            uint256 room = BALANCE_MASK - balance(account);
            if (value > room) revert BalanceOverflow(room, value);
            return Account.wrap(Account.unwrap(account) + value);
        }
    }

    function withFrozen(Account account, bool frozen) internal pure returns (Account) {
        uint256 word = Account.unwrap(account);
        return Account.wrap(frozen ? word | FROZEN_BIT : word & ~FROZEN_BIT);
    }

    /// The account with the permit nonce one higher. The caller has checked that it is not the last one.
    function withNextPermitNonce(Account account) internal pure returns (Account) {
        unchecked {
            return Account.wrap(Account.unwrap(account) + (1 << PERMIT_NONCE_AT));
        }
    }

    /// Uses a window nonce: whether it was good, and the account after it (unchanged where it was not).
    /// The caller has checked `nonce < WINDOW_NONCE_END`.
    function withNonceUsed(Account account, uint256 nonce) internal pure returns (bool good, Account next) {
        unchecked {
            uint256 base = windowBase(account);
            if (nonce < base) return (false, account);
            uint256 offset = nonce - base;
            uint256 word = Account.unwrap(account);
            if (offset < WINDOW_WIDTH) {
                uint256 bit = 1 << (WINDOW_AT + offset);
                return word & bit == 0 ? (true, Account.wrap(word | bit)) : (false, account);
            }
            uint256 slide = offset - (WINDOW_WIDTH - 1);
            if (slide > MAX_SLIDE) return (false, account);
            uint256 slid = (window(account) >> slide) | (1 << (WINDOW_WIDTH - 1));
            return (true, _withWindow(word, slid, base + slide));
        }
    }

    /// The account with every window nonce below `upTo` dead. The caller has checked that `upTo` is above the base and
    /// below `WINDOW_NONCE_END`.
    function withNoncesCanceled(Account account, uint256 upTo) internal pure returns (Account) {
        unchecked {
            return _withWindow(Account.unwrap(account), window(account) >> (upTo - windowBase(account)), upTo);
        }
    }

    function _withWindow(uint256 word, uint256 newWindow, uint256 newBase) private pure returns (Account) {
        return Account.wrap((word & ~WINDOW_AND_BASE_MASK) | (newWindow << WINDOW_AT) | (newBase << BASE_AT));
    }
}
