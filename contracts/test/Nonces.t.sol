// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {Account} from "../src/Account.sol";
import {AccountState, ICash, ICashFacts} from "../src/ICash.sol";
import {Deal, Deals} from "./Deals.sol";
import {WindowModel} from "./WindowModel.sol";

/// One window for every kind of document, one bitmap for the rest, and other people's nonces apart from both.
contract NoncesTest is Deals {
    uint256 private constant END = 2 ** 56;

    address private _ana;
    WindowModel private _model;
    mapping(uint256 nonce => bool) private _usedWide;

    function setUp() public override {
        super.setUp();
        _ana = person(0);
        give(_ana, 1_000_000);
    }

    // ------------------------------------------------------------------------------------------------ documents

    function _tryPay(uint256 nonce) private returns (bool) {
        return nonce < END && uint256(keccak256(abi.encode(nonce))) % 2 == 0
            ? cash.pay(item(key(0), person(1), 1, nonce)) == 1
            : cash.payWide(wideItem(key(0), person(1), 1, nonce)) == 1;
    }

    function _trySettle(uint256 nonce) private returns (bool) {
        Deal memory deal = dealOf(_ana, person(1), 1);
        sign(deal, 0, key(0), nonce);
        try cash.settle(
            deal.debits, deal.credits, packed(deal.consents), deal.context, deal.operator, deal.validBefore
        ) {
            return true;
        } catch (bytes memory reason) {
            assertEq(reason, _unavailable(nonce), "reason");
            return false;
        }
    }

    function _tryAuthorization(bytes32 nonce) private returns (bool) {
        bytes32 hash = Documents.authorization(
            Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, _ana, person(1), 1, 0, BEFORE, nonce
        );
        try cash.transferWithAuthorization(_ana, person(1), 1, 0, BEFORE, nonce, signed(key(0), hash)) {
            return true;
        } catch (bytes memory reason) {
            assertEq(reason, _unavailable(uint256(nonce)), "reason");
            return false;
        }
    }

    function _tryCancel(bytes32 nonce) private returns (bool) {
        bytes memory signature = signed(key(0), Documents.cancelAuthorization(_ana, nonce));
        try cash.cancelAuthorization(_ana, nonce, signature) {
            return true;
        } catch (bytes memory reason) {
            assertEq(reason, _unavailable(uint256(nonce)), "reason");
            return false;
        }
    }

    function _unavailable(uint256 nonce) private view returns (bytes memory) {
        return abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, _ana, nonce);
    }

    // ------------------------------------------------------------------------------------------------ the tag

    function test_theTagIsTheHashOfItsName() public view {
        bytes32 hash = keccak256("chainwallet.window-nonce");
        assertEq(cash.WINDOW_NONCE_TAG(), uint256(hash) >> 56, "tag");
        assertEq(
            bytes32(uint256(tagged(7)) & ~uint256(type(uint56).max)),
            hash & ~bytes32(uint256(type(uint56).max)),
            "upper 25 bytes"
        );
        assertEq(uint56(uint256(tagged(7))), 7, "lower 7 bytes");
    }

    function test_aTaggedAuthorizationAndAPaymentShareOneNonce() public {
        assertTrue(_tryAuthorization(tagged(7)), "authorization 7");
        assertTrue(!_tryPay(7), "payment 7");
        assertTrue(!_trySettle(7), "consent 7");
        assertTrue(_tryPay(8), "payment 8");
        assertTrue(!_tryAuthorization(tagged(8)), "authorization 8");
        assertTrue(!_tryCancel(tagged(8)), "cancel 8");
        assertTrue(_trySettle(9), "consent 9");
        assertTrue(!_tryAuthorization(tagged(9)), "authorization 9");
        assertTrue(_tryCancel(tagged(10)), "cancel 10");
        assertTrue(!_tryPay(10), "payment 10");
        assertTrue(!_trySettle(10), "consent 10");
        assertEq(cash.accountState(_ana).window, 15 << 7, "window");
    }

    function test_aTaggedNonceSlidesTheWindow() public {
        assertTrue(!cash.authorizationState(_ana, tagged(36)), "before");
        assertTrue(_tryAuthorization(tagged(100)), "authorization");
        assertEq(cash.accountState(_ana).windowBase, 37, "base");
        assertTrue(cash.authorizationState(_ana, tagged(36)), "a dead nonce counts as used");
        assertTrue(cash.authorizationState(_ana, tagged(100)), "so does the used one");
        assertTrue(!cash.authorizationState(_ana, tagged(37)), "the first that lives");
        assertTrue(!_tryAuthorization(tagged(36)), "dead");
        assertTrue(!_tryAuthorization(tagged(37 + 1_088)), "too far");
        assertTrue(_tryAuthorization(tagged(37)), "alive");
    }

    /// A wallet that knows nothing of us counts 0, 1, 2 or takes the time or random numbers.
    function test_foreignCountersDoNotTouchTheWindow() public {
        for (uint256 i = 0; i < 5; ++i) {
            assertTrue(_tryAuthorization(bytes32(i)), "foreign counter");
            assertTrue(!_tryAuthorization(bytes32(i)), "twice");
            assertTrue(cash.authorizationState(_ana, bytes32(i)), "state");
            assertTrue(cash.isNonceAvailable(_ana, i), "our own counter");
        }
        assertTrue(_tryAuthorization(bytes32(START * 1_000 + 123)), "milliseconds");
        assertTrue(_tryAuthorization(bytes32(END - 1)), "the last below the wide ones");
        assertEq(cash.accountState(_ana).window, 0, "window");
        assertEq(cash.accountState(_ana).windowBase, 0, "base");
        for (uint256 i = 0; i < 5; ++i) {
            assertTrue(_tryPay(i), "our own counter");
        }
        assertTrue(!cash.authorizationState(_ana, bytes32(uint256(5))), "payments touch no foreign nonce");
    }

    /// Untagged numbers from 2^56 on are one set, whichever document carries them.
    function testFuzz_wideNoncesAreOneSet(uint256 nonce, uint256 first, uint256 second) public {
        nonce = bound(nonce, END, type(uint256).max);
        vm.assume(nonce >> 56 != cash.WINDOW_NONCE_TAG());
        assertTrue(cash.isNonceAvailable(_ana, nonce), "before");
        assertTrue(!cash.authorizationState(_ana, bytes32(nonce)), "state before");
        assertTrue(_tryAny(first % 4, nonce), "once");
        assertTrue(!_tryAny(second % 4, nonce), "twice");
        assertTrue(!cash.isNonceAvailable(_ana, nonce), "afterwards");
        assertTrue(cash.authorizationState(_ana, bytes32(nonce)), "state afterwards");
        assertTrue(cash.isNonceAvailable(_ana, nonce ^ 256), "the next word");
        assertTrue(cash.isNonceAvailable(_ana, nonce ^ 1), "the next bit");
        assertTrue(cash.isNonceAvailable(person(1), nonce), "another's");
    }

    function _tryAny(uint256 kind, uint256 nonce) private returns (bool) {
        if (kind == 0) return _tryPay(nonce);
        if (kind == 1) return _trySettle(nonce);
        if (kind == 2) return _tryAuthorization(bytes32(nonce));
        return _tryCancel(bytes32(nonce));
    }

    function testFuzz_foreignNoncesAreIndependentOfTheWindow(uint256 nonce, uint256 own) public {
        nonce = nonce % 3 == 0 ? nonce % 200 : nonce % 3 == 1 ? START * 1_000 + nonce % 1e9 : nonce;
        vm.assume(nonce >> 56 != cash.WINDOW_NONCE_TAG());
        own = bound(own, 0, 1_087);
        assertTrue(_tryAuthorization(bytes32(nonce)), "foreign");
        assertTrue(_tryPay(own), "our own, which may be the same number");
        assertTrue(!_tryPay(own), "our own twice");
        assertTrue(!_tryAuthorization(bytes32(nonce)), "foreign twice");
        assertEq(cash.accountState(_ana).windowBase, own < 64 ? 0 : own - 63, "base");
    }

    function testFuzz_aTaggedNonceIsRefusedInOurDocuments(uint56 low) public {
        uint256 nonce = uint256(tagged(low));
        assertTrue(!_tryPay(nonce), "payment");
        assertTrue(!_trySettle(nonce), "consent");
        assertTrue(!cash.isNonceAvailable(_ana, nonce), "available");
        assertEq(cash.accountState(_ana).window, 0, "window");
    }

    // ------------------------------------------------------------------------------------------------ the model

    /// All kinds of documents and cancels in a random order: each is accepted exactly when the plain model says so.
    function testFuzz_documentsFollowThePlainModel(uint256[20] memory seeds) public {
        for (uint256 i = 0; i < seeds.length; ++i) {
            _step(seeds[i]);
            AccountState memory state = cash.accountState(_ana);
            assertEq(state.windowBase, _model.base(), "base");
            assertEq(state.window, _model.bits(), "window");
            uint256 probe = _near(uint256(keccak256(abi.encode(seeds[i]))));
            assertEq(cash.isNonceAvailable(_ana, probe), _model.isGood(probe), "available");
            assertEq(cash.authorizationState(_ana, tagged(probe)), !_model.isGood(probe), "authorization state");
        }
        assertEq(cash.balanceOf(_ana) + cash.balanceOf(person(1)), 1_000_000, "sum");
    }

    function _step(uint256 seed) private {
        uint256 kind = seed % 6;
        uint256 nonce = _near(seed >> 8);
        if (kind == 0) assertEq(_tryPay(nonce), _model.use(nonce), "payment");
        else if (kind == 1) assertEq(_trySettle(nonce), _model.use(nonce), "consent");
        else if (kind == 2) assertEq(_tryAuthorization(tagged(nonce)), _model.use(nonce), "authorization");
        else if (kind == 3) assertEq(_tryCancel(tagged(nonce)), _model.use(nonce), "cancelled authorization");
        else if (kind == 4) _foreignStep(nonce);
        else if (seed % 7 == 0) _cancelStep(nonce);
    }

    /// The same number as a foreign nonce: another set.
    function _foreignStep(uint256 nonce) private {
        assertEq(_tryAuthorization(bytes32(nonce)), !_usedWide[nonce], "foreign");
        _usedWide[nonce] = true;
    }

    function _cancelStep(uint256 upTo) private {
        bool can = _model.canCancel(upTo);
        vm.prank(_ana);
        (bool ok,) = address(cash).call(abi.encodeWithSignature("cancelNonces(uint256)", upTo));
        assertEq(ok, can, "cancel");
        if (can) _model.cancel(upTo);
    }

    /// A nonce around the window: mostly inside, sometimes just below, just beyond, or at the edge of the reach.
    function _near(uint256 seed) private view returns (uint256) {
        (uint256 base, uint256 kind, uint256 step) = (_model.base(), seed % 8, seed >> 8);
        if (kind == 0) return base > 70 ? base - step % 70 : step % 70;
        if (kind == 1) return base + 60 + step % 8;
        if (kind == 2) return base + 1_080 + step % 12;
        if (kind == 3) return base + step % 200;
        return base + step % 64;
    }

    function test_theLastWindowNonceAndTheFirstWideOneAreApart() public {
        give(person(0), 1_000);
        place(person(0), Account.wrap(1_000 | ((2 ** 56 - 64) << 160)));
        assertEq(cash.pay(item(key(0), person(1), 1, 2 ** 56 - 1)), 1, "paid");
        assertTrue(!cash.isNonceAvailable(person(0), 2 ** 56 - 1), "used");
        assertTrue(cash.isNonceAvailable(person(0), 2 ** 56), "wide");
        assertEq(cash.authorizationState(person(0), tagged(2 ** 56 - 1)), true, "tagged");
    }
}
