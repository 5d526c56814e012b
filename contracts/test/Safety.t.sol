// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {AccountState, ICash, ICashFacts} from "../src/ICash.sol";
import {Deal, Deals} from "./Deals.sol";

/// The pause and the freezes: what they stop, and what they leave alone.
contract SafetyTest is Deals {
    address private _ana;
    address private _bo;

    function setUp() public override {
        super.setUp();
        (_ana, _bo) = (person(0), person(1));
        give(_ana, 1_000);
        give(ISSUER, 1_000);
        vm.prank(_ana);
        cash.approve(_bo, 500);
    }

    // ------------------------------------------------------------------------------------------------ pause

    function test_aPauseSaysSoAndEnds() public {
        listen();
        vm.prank(PAUSER);
        cash.pause();
        heard(pausedLog(PAUSER));
        assertTrue(cash.paused(), "paused");
        assertEq(cash.totalSupply(), 2_000, "the supply shares its slot");
        listen();
        vm.prank(PAUSER);
        cash.unpause();
        heard(unpausedLog(PAUSER));
        assertTrue(!cash.paused(), "unpaused");
        assertEq(cash.totalSupply(), 2_000, "the supply shares its slot");
        vm.prank(_ana);
        cash.transfer(_bo, 1);
        assertEq(cash.balanceOf(_bo), 1, "moving again");
    }

    /// Every way to move or create money, each as its caller and calldata, each good as long as nothing is paused.
    function _movements() private view returns (address[] memory callers, bytes[] memory calls) {
        (callers, calls) = (new address[](11), new bytes[](11));
        bytes32 hash =
            Documents.authorization(Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, _ana, _bo, 1, 0, BEFORE, "a");
        bytes memory signature = signed(key(0), hash);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(hash));
        string memory fields = "(address,address,uint256,uint256,uint256,bytes32,";
        string memory short = string.concat(fields, "bytes)");
        string memory long = string.concat(fields, "uint8,bytes32,bytes32)");
        (callers[0], calls[0]) = (_ana, abi.encodeCall(cash.transfer, (_bo, 1)));
        (callers[1], calls[1]) = (_bo, abi.encodeCall(cash.transferFrom, (_ana, _bo, 1)));
        (callers[2], calls[2]) = (RELAYER, abi.encodeCall(cash.pay, (item(key(0), _bo, 1, 0))));
        (callers[3], calls[3]) = (RELAYER, abi.encodeCall(cash.payWide, (wideItem(key(0), _bo, 1, 1))));
        (callers[4], calls[4]) = (RELAYER, _settlement());
        (callers[5], calls[5]) = (ISSUER, abi.encodeCall(cash.mint, (_bo, 1, "m")));
        (callers[6], calls[6]) = (ISSUER, abi.encodeCall(cash.burn, (1, "b")));
        string memory name = "transferWithAuthorization";
        calls[7] = abi.encodeWithSignature(string.concat(name, short), _ana, _bo, 1, 0, BEFORE, bytes32("a"), signature);
        callers[7] = RELAYER;
        hash = Documents.authorization(Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, _ana, _bo, 1, 0, BEFORE, "b");
        (v, r, s) = vm.sign(key(0), digestOf(hash));
        calls[8] = abi.encodeWithSignature(string.concat(name, long), _ana, _bo, 1, 0, BEFORE, bytes32("b"), v, r, s);
        callers[8] = RELAYER;
        name = "receiveWithAuthorization";
        hash = Documents.authorization(Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH, _ana, _bo, 1, 0, BEFORE, "c");
        signature = signed(key(0), hash);
        calls[9] = abi.encodeWithSignature(string.concat(name, short), _ana, _bo, 1, 0, BEFORE, bytes32("c"), signature);
        callers[9] = _bo;
        hash = Documents.authorization(Documents.RECEIVE_WITH_AUTHORIZATION_TYPEHASH, _ana, _bo, 1, 0, BEFORE, "d");
        (v, r, s) = vm.sign(key(0), digestOf(hash));
        calls[10] = abi.encodeWithSignature(string.concat(name, long), _ana, _bo, 1, 0, BEFORE, bytes32("d"), v, r, s);
        callers[10] = _bo;
    }

    function _settlement() private view returns (bytes memory) {
        Deal memory deal = dealOf(_ana, _bo, 1);
        sign(deal, 0, key(0), 2);
        return abi.encodeCall(
            cash.settle,
            (deal.debits, deal.credits, packed(deal.consents), deal.context, deal.operator, deal.validBefore)
        );
    }

    function test_aPauseStopsEveryMovementAndMint() public {
        (address[] memory callers, bytes[] memory calls) = _movements();
        pause();
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(callers[i]);
            (bool ok, bytes memory answer) = address(cash).call(calls[i]);
            assertTrue(!ok, "stopped");
            assertEq(answer, abi.encodeWithSelector(ICashFacts.MovementPaused.selector), "reason");
        }
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.MovementPaused.selector));
        cash.pay("");
        assertEq(cash.balanceOf(_ana), 1_000, "nothing moved");
        vm.prank(PAUSER);
        cash.unpause();
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(callers[i]);
            (bool ok,) = address(cash).call(calls[i]);
            assertTrue(ok, "each of them is good once the pause ends");
        }
        assertEq(cash.balanceOf(_bo), 10, "each moved one");
        assertEq(cash.totalSupply(), 2_000, "one minted, one burned");
    }

    function test_aPauseLeavesCancelsFreezesRolesAndApprovals() public {
        pause();
        vm.prank(_ana);
        cash.approve(_bo, 70);
        cash.permit(_ana, _bo, 71, BEFORE, signed(key(0), Documents.permit(_ana, _bo, 71, 0, BEFORE)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(Documents.permit(_ana, _bo, 72, 1, BEFORE)));
        cash.permit(_ana, _bo, 72, BEFORE, v, r, s);
        assertEq(cash.allowance(_ana, _bo), 72, "approvals");

        vm.prank(_ana);
        cash.cancelNonces(3);
        cash.cancelNonces(_ana, 4, BEFORE, signed(key(0), Documents.cancelNonces(_ana, 4, BEFORE)));
        cash.cancelAuthorization(_ana, "n", signed(key(0), Documents.cancelAuthorization(_ana, "n")));
        (v, r, s) = vm.sign(key(0), digestOf(Documents.cancelAuthorization(_ana, tagged(4))));
        cash.cancelAuthorization(_ana, tagged(4), v, r, s);
        assertEq(cash.accountState(_ana).windowBase, 4, "cancels");
        assertEq(cash.accountState(_ana).window, 1, "cancelled authorization");

        vm.prank(OFFICER);
        cash.freeze(_ana, "reason");
        assertTrue(cash.accountState(_ana).frozen, "freeze");
        vm.prank(OFFICER);
        cash.unfreeze(_ana, "reason");
        assertTrue(!cash.accountState(_ana).frozen, "unfreeze");

        bytes32 role = cash.ISSUER_ROLE();
        vm.startPrank(ADMIN);
        cash.grantRole(role, _bo);
        cash.setQuota(_bo, 5, 0);
        cash.revokeRole(role, ISSUER);
        cash.beginDefaultAdminTransfer(_bo);
        vm.stopPrank();
        assertTrue(cash.hasRole(role, _bo) && !cash.hasRole(role, ISSUER), "roles");
        vm.prank(PAUSER);
        cash.pause();
        assertTrue(cash.paused(), "pausing twice");
    }

    // ------------------------------------------------------------------------------------------------ freezes

    function test_aFreezeSaysSoAndEnds() public {
        assertEq(cash.pay(item(key(0), _bo, 100, 9)), 1, "paid");
        listen();
        vm.prank(OFFICER);
        cash.freeze(_ana, "court order 7");
        heard(frozenLog(_ana, OFFICER, "court order 7"));
        AccountState memory state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(900, 1 << 9, 0, 0, true)), "frozen");
        listen();
        vm.prank(OFFICER);
        cash.unfreeze(_ana, "lifted");
        heard(unfrozenLog(_ana, OFFICER, "lifted"));
        state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(900, 1 << 9, 0, 0, false)), "unfrozen");
    }

    function test_freezingTwiceIsOneFreeze() public {
        freeze(_ana);
        freeze(_ana);
        assertTrue(cash.accountState(_ana).frozen, "frozen");
        vm.prank(OFFICER);
        cash.unfreeze(_ana, "lifted");
        assertTrue(!cash.accountState(_ana).frozen, "unfrozen by one");
        vm.prank(OFFICER);
        cash.unfreeze(_ana, "lifted");
        assertTrue(!cash.accountState(_ana).frozen, "and still");
    }

    function test_aFrozenAccountMovesByNoWayAtAll() public {
        (address[] memory callers, bytes[] memory calls) = _movements();
        freeze(_ana);
        freeze(ISSUER);
        uint256 supply = cash.totalSupply();
        for (uint256 i = 0; i < calls.length; ++i) {
            if (i == 5) continue; // a mint to somebody else
            vm.prank(callers[i]);
            (bool ok, bytes memory answer) = address(cash).call(calls[i]);
            if (i == 2 || i == 3) assertEq(answer, abi.encode(0), "skipped");
            else assertTrue(!ok && bytes4(answer) == ICashFacts.AccountFrozen.selector, "refused");
        }
        assertEq(cash.balanceOf(_ana), 1_000, "payer");
        assertEq(cash.totalSupply(), supply, "supply");
    }

    function test_nobodyPaysAFrozenAccountByAnyWay() public {
        (address[] memory callers, bytes[] memory calls) = _movements();
        freeze(_bo);
        for (uint256 i = 0; i < calls.length; ++i) {
            if (i == 6) continue; // a burn pays nobody
            vm.prank(callers[i]);
            (bool ok, bytes memory answer) = address(cash).call(calls[i]);
            if (i == 2 || i == 3) assertEq(answer, abi.encode(0), "skipped");
            else assertEq(answer, abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, _bo), "reason");
            assertEq(ok, i == 2 || i == 3, "refused");
        }
        assertEq(cash.balanceOf(_bo), 0, "payee");
    }

    function test_aFrozenAccountMayStillApprove() public {
        freeze(_ana);
        vm.prank(_ana);
        cash.approve(_bo, 7);
        cash.permit(_ana, _bo, 8, BEFORE, signed(key(0), Documents.permit(_ana, _bo, 8, 0, BEFORE)));
        assertEq(cash.allowance(_ana, _bo), 8, "allowance");
        assertTrue(cash.accountState(_ana).frozen, "still frozen");
    }

    function testFuzz_dirtyAddressesAreRefused(uint96 dirt) public {
        vm.assume(dirt != 0);
        uint256 dirty = (uint256(dirt) << 160) | uint160(_ana);
        bytes4[2] memory selectors = [cash.freeze.selector, cash.unfreeze.selector];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(OFFICER);
            (bool ok,) = address(cash).call(abi.encodeWithSelector(selectors[i], dirty, bytes32(0)));
            assertTrue(!ok, "dirty account");
        }
        vm.prank(ISSUER);
        (bool minted,) = address(cash).call(abi.encodeWithSelector(cash.mint.selector, dirty, 1, bytes32("m")));
        assertTrue(!minted, "dirty payee");
        vm.prank(ADMIN);
        (bool set,) = address(cash).call(abi.encodeWithSelector(cash.setQuota.selector, dirty, 1, 1));
        assertTrue(!set, "dirty issuer");
    }
}
