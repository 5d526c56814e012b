// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "../src/Account.sol";
import {Documents} from "../src/Documents.sol";
import {AccountState, ICash, ICashFacts} from "../src/ICash.sol";
import {Events} from "./Events.sol";

/// `cancelNonces`: an owner kills unused window nonces, alone or by a signature.
contract CancelsTest is Events {
    address private _ana;

    function setUp() public override {
        super.setUp();
        _ana = person(0);
        give(_ana, 1_000);
    }

    function _cancel(uint256 upTo) private {
        vm.prank(_ana);
        cash.cancelNonces(upTo);
    }

    function _sign(uint256 upTo, uint256 validBefore) private view returns (bytes memory) {
        return signed(key(0), Documents.cancelNonces(_ana, upTo, validBefore));
    }

    function _refused(uint256 upTo, bytes memory reason) private {
        bytes memory signature = _sign(upTo, BEFORE);
        vm.expectRevert(reason);
        _cancel(upTo);
        vm.expectRevert(reason);
        cash.cancelNonces(_ana, upTo, BEFORE, signature);
    }

    function test_aCancelKillsAllNoncesBelow() public {
        assertEq(cash.pay(item(key(0), person(1), 1, 7)), 1, "paid");
        listen();
        _cancel(5);
        heard(noncesCanceledLog(_ana, 5));
        AccountState memory state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(999, 1 << 2, 5, 0, false)), "account");
        for (uint256 nonce = 0; nonce < 10; ++nonce) {
            assertEq(cash.isNonceAvailable(_ana, nonce), nonce >= 5 && nonce != 7, "available");
            assertEq(cash.authorizationState(_ana, tagged(nonce)), nonce < 5 || nonce == 7, "authorization state");
        }
        assertTrue(cash.isNonceAvailable(person(1), 0), "another's nonces");
    }

    function test_aSignedCancelDoesTheSame() public {
        bytes memory signature = _sign(5, BEFORE);
        listen();
        vm.prank(RELAYER);
        cash.cancelNonces(_ana, 5, BEFORE, signature);
        heard(noncesCanceledLog(_ana, 5));
        assertEq(cash.accountState(_ana).windowBase, 5, "base");
        assertEq(cash.accountState(RELAYER).windowBase, 0, "the relayer's base");
    }

    function test_aCancelThatReachesNothingIsSilent() public {
        _cancel(5);
        bytes memory signature = _sign(5, BEFORE);
        listen();
        _cancel(5);
        _cancel(0);
        cash.cancelNonces(_ana, 5, BEFORE, signature);
        heardNothing();
        assertEq(cash.accountState(_ana).windowBase, 5, "base");
    }

    /// A signed cancel may be delivered again and again, and can never bring the base back.
    function test_aCancelDeliveredLateChangesNothing() public {
        bytes memory signature = _sign(5, BEFORE);
        _cancel(9);
        listen();
        cash.cancelNonces(_ana, 5, BEFORE, signature);
        heardNothing();
        assertEq(cash.accountState(_ana).windowBase, 9, "base");
    }

    function test_oneCancelReaches1024AtMost() public {
        _refused(1_025, abi.encodeWithSelector(ICashFacts.NonceStepTooLarge.selector, 1_025, 1_024));
        _refused(
            type(uint256).max, abi.encodeWithSelector(ICashFacts.NonceStepTooLarge.selector, type(uint256).max, 1_024)
        );
        _cancel(1_024);
        assertEq(cash.accountState(_ana).windowBase, 1_024, "base");
        _refused(2_049, abi.encodeWithSelector(ICashFacts.NonceStepTooLarge.selector, 1_025, 1_024));
        _cancel(2_048);
        assertEq(cash.accountState(_ana).windowBase, 2_048, "base");
    }

    function test_aCancelStaysBelowTheWideNonces() public {
        place(_ana, Account.wrap(1_000 | ((2 ** 56 - 10) << 160)));
        _refused(2 ** 56, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, _ana, 2 ** 56));
        _cancel(2 ** 56 - 1);
        AccountState memory state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(1_000, 0, 2 ** 56 - 1, 0, false)), "account");
        assertTrue(cash.isNonceAvailable(_ana, 2 ** 56 - 1), "the last window nonce");
        assertTrue(!cash.isNonceAvailable(_ana, 2 ** 56 - 2), "the one before");
        assertTrue(cash.isNonceAvailable(_ana, 2 ** 56), "the first wide nonce");
    }

    function test_aSignedCancelExpires() public {
        bytes memory signature = _sign(5, BEFORE);
        vm.warp(BEFORE);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.Expired.selector, BEFORE, BEFORE));
        cash.cancelNonces(_ana, 5, BEFORE, signature);
        vm.warp(BEFORE - 1);
        cash.cancelNonces(_ana, 5, BEFORE, signature);
        assertEq(cash.accountState(_ana).windowBase, 5, "base");
    }

    function test_onlyTheOwnerCancels() public {
        bytes memory signature = _sign(5, BEFORE);
        _refusedSignature(_ana, 6, BEFORE, signature);
        _refusedSignature(_ana, 5, BEFORE + 1, signature);
        _refusedSignature(person(1), 5, BEFORE, signature);
        _refusedSignature(address(0), 5, BEFORE, signature);
        _refusedSignature(_ana, 5, BEFORE, signed(key(1), Documents.cancelNonces(_ana, 5, BEFORE)));
        _refusedSignature(_ana, 5, BEFORE, "");
        assertEq(cash.accountState(_ana).windowBase, 0, "base");
    }

    function _refusedSignature(address account, uint256 upTo, uint256 validBefore, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, account));
        cash.cancelNonces(account, upTo, validBefore, signature);
    }

    function test_aFrozenOwnerCancelsWhilePaused() public {
        freeze(_ana);
        pause();
        _cancel(5);
        cash.cancelNonces(_ana, 8, BEFORE, _sign(8, BEFORE));
        bytes memory signature = signed(key(0), Documents.cancelAuthorization(_ana, "n"));
        cash.cancelAuthorization(_ana, "n", signature);
        AccountState memory state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(1_000, 0, 8, 0, true)), "account");
        assertTrue(cash.authorizationState(_ana, "n"), "authorization");
    }

    function testFuzz_aCancelMovesTheBaseAndKeepsTheRest(uint256 used, uint256 upTo) public {
        (used, upTo) = (bound(used, 0, 63), bound(upTo, 1, 1_024));
        assertEq(cash.pay(item(key(0), person(1), 1, used)), 1, "paid");
        _cancel(upTo);
        AccountState memory state = cash.accountState(_ana);
        assertEq(state.windowBase, upTo, "base");
        assertEq(state.window, used >= upTo ? 1 << (used - upTo) : 0, "window");
        assertEq(state.balance, 999, "balance");
    }

    function testFuzz_dirtyAddressesAreRefused(uint96 dirt) public {
        vm.assume(dirt != 0);
        bytes memory signature = _sign(5, BEFORE);
        string memory name = "cancelNonces(address,uint256,uint256,bytes)";
        uint256 dirty = (uint256(dirt) << 160) | uint160(_ana);
        (bool ok, bytes memory answer) = address(cash).call(abi.encodeWithSignature(name, dirty, 5, BEFORE, signature));
        assertTrue(!ok && answer.length == 0, "dirty address");
    }
}
