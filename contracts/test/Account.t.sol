// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account, AccountWord} from "../src/Account.sol";
import {Base} from "./Base.sol";
import {WindowModel} from "./WindowModel.sol";

/// The packed account: each step touches its own field, and the window does what a plain model does.
contract AccountTest is Base {
    uint256 private constant BALANCE = type(uint96).max;
    uint256 private constant WINDOW = uint256(type(uint64).max) << 96;
    uint256 private constant WINDOW_BASE = uint256(type(uint56).max) << 160;
    uint256 private constant PERMIT_NONCE = uint256(type(uint32).max) << 216;
    uint256 private constant FROZEN = 1 << 248;
    uint256 private constant LAST_NONCE = 2 ** 56 - 1;

    WindowModel private _model;

    // The library's functions are internal: a call from outside is what `expectRevert` can watch.

    function credited(uint256 word, uint256 value) external pure returns (uint256) {
        return Account.unwrap(Account.wrap(word).credited(value));
    }

    function _packed(uint256 bal, uint256 bits, uint256 base, uint256 permitNonce, uint256 flags)
        private
        pure
        returns (Account)
    {
        return Account.wrap(bal | (bits << 96) | (base << 160) | (permitNonce << 216) | (flags << 248));
    }

    /// Everything but the fields in `mask` is the same in both.
    function _assertOnly(uint256 mask, Account before, Account afterwards, string memory what) private pure {
        assertEq(Account.unwrap(before) & ~mask, Account.unwrap(afterwards) & ~mask, what);
    }

    // ------------------------------------------------------------------------------------------------ fields

    function testFuzz_everyGetterReadsItsOwnField(uint96 bal, uint64 bits, uint56 base, uint32 permitNonce, uint8 flags)
        public
        pure
    {
        Account account = _packed(bal, bits, base, permitNonce, flags);
        assertEq(account.balance(), bal, "balance");
        assertEq(account.window(), bits, "window");
        assertEq(account.windowBase(), base, "window base");
        assertEq(account.permitNonce(), permitNonce, "permit nonce");
        assertEq(account.isFrozen(), flags % 2 == 1, "frozen");
    }

    function testFuzz_aDebitTouchesOnlyTheBalance(uint256 word, uint256 value) public pure {
        Account account = Account.wrap(word);
        value = bound(value, 0, account.balance());
        Account next = account.debited(value);
        assertEq(next.balance(), account.balance() - value, "balance");
        _assertOnly(BALANCE, account, next, "other fields");
    }

    function testFuzz_aCreditTouchesOnlyTheBalance(uint256 word, uint256 value) public pure {
        Account account = Account.wrap(word);
        value = bound(value, 0, BALANCE - account.balance());
        Account next = account.credited(value);
        assertEq(next.balance(), account.balance() + value, "balance");
        _assertOnly(BALANCE, account, next, "other fields");
    }

    function testFuzz_aCreditThatDoesNotFitIsRefused(uint256 word, uint256 value) public {
        uint256 room = BALANCE - Account.wrap(word).balance();
        value = bound(value, room + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(AccountWord.BalanceOverflow.selector, room, value));
        this.credited(word, value);
    }

    function testFuzz_freezingTouchesOnlyItsFlag(uint256 word) public pure {
        Account account = Account.wrap(word);
        Account frozen = account.withFrozen(true);
        Account thawed = account.withFrozen(false);
        assertTrue(frozen.isFrozen(), "frozen");
        assertTrue(!thawed.isFrozen(), "not frozen");
        _assertOnly(FROZEN, account, frozen, "other fields of the frozen");
        _assertOnly(FROZEN, account, thawed, "other fields of the unfrozen");
    }

    function testFuzz_theNextPermitNonceTouchesOnlyItsField(uint256 word, uint32 permitNonce) public pure {
        permitNonce = uint32(bound(permitNonce, 0, type(uint32).max - 1));
        Account account = Account.wrap((word & ~PERMIT_NONCE) | (uint256(permitNonce) << 216));
        Account next = account.withNextPermitNonce();
        assertEq(next.permitNonce(), uint256(permitNonce) + 1, "permit nonce");
        _assertOnly(PERMIT_NONCE, account, next, "other fields");
    }

    function testFuzz_usingANonceTouchesOnlyTheWindow(uint256 word, uint256 nonce) public pure {
        Account account = Account.wrap(word);
        // Half of the runs come near enough to the window to be good.
        nonce = nonce % 2 == 0 ? bound(nonce, 0, LAST_NONCE) : account.windowBase() + nonce % 1_100;
        if (nonce > LAST_NONCE) nonce = LAST_NONCE;
        (bool good, Account next) = account.withNonceUsed(nonce);
        _assertOnly(WINDOW | WINDOW_BASE, account, next, "other fields");
        if (!good) assertEq(Account.unwrap(next), word, "a refused nonce changes nothing");
        if (good) assertTrue(nonce >= next.windowBase() && nonce - next.windowBase() < 64, "inside the window");
        if (good) assertTrue((next.window() >> (nonce - next.windowBase())) & 1 == 1, "used");
    }

    function testFuzz_cancellingTouchesOnlyTheWindow(uint256 word, uint256 step) public pure {
        Account account = Account.wrap(word);
        uint256 base = account.windowBase();
        if (base == LAST_NONCE) return;
        uint256 upTo = base + bound(step, 1, LAST_NONCE - base < 1_024 ? LAST_NONCE - base : 1_024);
        Account next = account.withNoncesCanceled(upTo);
        assertEq(next.windowBase(), upTo, "base");
        for (uint256 i = 0; i < 64; ++i) {
            bool was = upTo + i < base + 64 && (account.window() >> (upTo + i - base)) & 1 == 1;
            assertEq((next.window() >> i) & 1 == 1, was, "used nonces stay used");
        }
        _assertOnly(WINDOW | WINDOW_BASE, account, next, "other fields");
    }

    // ------------------------------------------------------------------------------------------------ window

    function test_theWindowHasExactlySixtyFourPlaces() public pure {
        Account account = _packed(1, 0, 100, 0, 0);
        (bool good, Account next) = account.withNonceUsed(99);
        assertTrue(!good, "below the base");
        (good, next) = account.withNonceUsed(100);
        assertTrue(good && next.windowBase() == 100 && next.window() == 1, "the base");
        (good, next) = account.withNonceUsed(163);
        assertTrue(good && next.windowBase() == 100 && next.window() == 1 << 63, "the last place");
        (good, next) = account.withNonceUsed(164);
        assertTrue(good && next.windowBase() == 101 && next.window() == 1 << 63, "one beyond slides by one");
    }

    function test_oneStepSlidesBy1024AtMost() public pure {
        Account account = _packed(1, type(uint64).max, 100, 7, 1);
        (bool good, Account next) = account.withNonceUsed(100 + 63 + 1_024);
        assertTrue(good && next.windowBase() == 1_124 && next.window() == 1 << 63, "the furthest");
        (good, next) = account.withNonceUsed(100 + 64 + 1_024);
        assertTrue(!good, "one further");
        assertEq(Account.unwrap(next), Account.unwrap(account), "unchanged");
    }

    function test_slidingKeepsTheUsedNoncesThatStayInside() public pure {
        Account account = _packed(0, 0, 0, 0, 0);
        bool good;
        (good, account) = account.withNonceUsed(10);
        (good, account) = account.withNonceUsed(63);
        (good, account) = account.withNonceUsed(70);
        assertEq(account.windowBase(), 7, "base");
        assertEq(account.window(), (1 << 3) | (1 << 56) | (1 << 63), "window");
        (good,) = account.withNonceUsed(6);
        assertTrue(!good, "an unused nonce dies once one 64 higher was used");
        (good,) = account.withNonceUsed(7);
        assertTrue(good, "and not before");
    }

    function test_theNumberSpaceEndsWithoutOverflow() public pure {
        Account account = _packed(5, 0, 2 ** 56 - 64, 3, 1);
        (bool good, Account next) = account.withNonceUsed(LAST_NONCE);
        assertTrue(good && next.windowBase() == 2 ** 56 - 64, "the last nonce of a full window");
        (good, next) = _packed(5, 1, 2 ** 56 - 100, 3, 1).withNonceUsed(LAST_NONCE);
        assertTrue(good && next.windowBase() == 2 ** 56 - 64 && next.permitNonce() == 3, "slid to the end");
        (good, next) = _packed(5, 0, LAST_NONCE, 3, 1).withNonceUsed(LAST_NONCE);
        assertTrue(good && next.windowBase() == LAST_NONCE && next.window() == 1, "a window of one place");
        (good,) = next.withNonceUsed(LAST_NONCE);
        assertTrue(!good, "once");
    }

    function testFuzz_theWindowFollowsThePlainModel(uint256 start, uint256[48] memory seeds) public {
        start = start % 3 == 0 ? 0 : start % 3 == 1 ? bound(start, 1, 5_000) : LAST_NONCE - start % 3_000;
        Account account = _packed(17, 0, start, 9, 1);
        _model.cancel(start);
        for (uint256 i = 0; i < seeds.length; ++i) {
            uint256 nonce = _near(_model.base(), seeds[i]);
            if (seeds[i] % 11 == 0) {
                if (!_model.canCancel(nonce) || nonce <= _model.base()) continue;
                account = account.withNoncesCanceled(nonce);
                _model.cancel(nonce);
            } else {
                bool good;
                (good, account) = account.withNonceUsed(nonce);
                assertEq(good, _model.use(nonce), "good");
            }
            assertEq(account.windowBase(), _model.base(), "base");
            assertEq(account.window(), _model.bits(), "window");
        }
        _assertOnly(WINDOW | WINDOW_BASE, _packed(17, 0, 0, 9, 1), account, "other fields");
    }

    /// A nonce around the window: mostly inside, sometimes just below, just beyond, or at the edge of the reach.
    function _near(uint256 base, uint256 seed) private pure returns (uint256 nonce) {
        uint256 kind = (seed >> 8) % 8;
        uint256 step = seed >> 16;
        if (kind == 0) nonce = base > 70 ? base - step % 70 : step % 70;
        else if (kind == 1) nonce = base + 60 + step % 8;
        else if (kind == 2) nonce = base + 1_080 + step % 12;
        else if (kind == 3) nonce = base + step % 200;
        else nonce = base + step % 64;
        if (nonce > LAST_NONCE) nonce = LAST_NONCE;
    }
}
