// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Cash} from "./Base.sol";
import {ICashFacts, Quota} from "../src/ICash.sol";
import {Events} from "./Events.sol";

/// Minting within a quota, burning one's own, and the bank's references.
contract IssuingTest is Events {
    address private constant SECOND = address(0x2155);
    uint256 private constant CAP = type(uint96).max;

    function _mint(address issuer, address to, uint256 value, bytes32 bankRef) private {
        vm.prank(issuer);
        cash.mint(to, value, bankRef);
    }

    function _burn(address issuer, uint256 value, bytes32 bankRef) private {
        vm.prank(issuer);
        cash.burn(value, bankRef);
    }

    function _setQuota(address issuer, uint256 capacity, uint256 refillPerSecond) private {
        vm.prank(ADMIN);
        cash.setQuota(issuer, uint96(capacity), uint96(refillPerSecond));
    }

    /// A second issuer with its own quota.
    function _appointSecond(uint256 capacity, uint256 refillPerSecond) private {
        bytes32 role = cash.ISSUER_ROLE();
        vm.prank(ADMIN);
        cash.grantRole(role, SECOND);
        _setQuota(SECOND, capacity, refillPerSecond);
    }

    function _exceeded(address issuer, uint256 available, uint256 required) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICashFacts.QuotaExceeded.selector, issuer, available, required);
    }

    // ------------------------------------------------------------------------------------------------ mint and burn

    function test_aMintCreatesMoneyAndSaysSo() public {
        listen();
        _mint(ISSUER, person(0), 500, "wire 1");
        heard(transferLog(address(0), person(0), 500), mintedLog("wire 1", ISSUER, person(0), 500));
        assertEq(balance(0), 500, "balance");
        assertEq(cash.totalSupply(), 500, "supply");
        assertTrue(cash.isBankRefUsed("wire 1"), "reference");
        assertTrue(!cash.isBankRefUsed("wire 2"), "another reference");
        assertEq(cash.quotaOf(ISSUER).level, CAP - 500, "quota");
    }

    function test_aBurnDestroysTheIssuersOwnAndSaysSo() public {
        _mint(ISSUER, ISSUER, 500, "wire 1");
        _mint(ISSUER, person(0), 100, "wire 2");
        listen();
        _burn(ISSUER, 200, "wire 3");
        heard(transferLog(ISSUER, address(0), 200), burnedLog("wire 3", ISSUER, 200));
        assertEq(cash.balanceOf(ISSUER), 300, "issuer");
        assertEq(balance(0), 100, "others");
        assertEq(cash.totalSupply(), 400, "supply");
        assertTrue(cash.isBankRefUsed("wire 3"), "reference");
        assertEq(cash.quotaOf(ISSUER).level, CAP - 600, "a burn gives no quota back");
    }

    function test_anIssuerBurnsNoMoreThanItHolds() public {
        _mint(ISSUER, ISSUER, 500, "wire 1");
        _mint(ISSUER, person(0), 500, "wire 2");
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ISSUER, 500, 501));
        _burn(ISSUER, 501, "wire 3");
        assertTrue(!cash.isBankRefUsed("wire 3"), "reference");
        _burn(ISSUER, 500, "wire 3");
        assertEq(cash.totalSupply(), 500, "supply");
    }

    function test_mintsGoToProperPayeesOnly() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        _mint(ISSUER, address(0), 1, "wire 1");
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(cash)));
        _mint(ISSUER, address(cash), 1, "wire 1");
        freeze(person(0));
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, person(0)));
        _mint(ISSUER, person(0), 1, "wire 1");
        assertTrue(!cash.isBankRefUsed("wire 1"), "a refused mint leaves its reference");
        _mint(ISSUER, person(1), 1, "wire 1");
        assertEq(cash.quotaOf(ISSUER).level, CAP - 1, "and its quota");
    }

    function test_aFrozenIssuerCannotBurn() public {
        _mint(ISSUER, ISSUER, 500, "wire 1");
        freeze(ISSUER);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, ISSUER));
        _burn(ISSUER, 1, "wire 2");
    }

    function test_theSupplyHasACap() public {
        _appointSecond(CAP, 0);
        _mint(ISSUER, person(0), CAP - 5, "wire 1");
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.SupplyCapExceeded.selector, 5, 6));
        _mint(SECOND, person(1), 6, "wire 2");
        _mint(SECOND, person(1), 5, "wire 2");
        assertEq(cash.totalSupply(), CAP, "supply");
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.SupplyCapExceeded.selector, 0, CAP - 5));
        _mint(SECOND, person(0), CAP - 5, "wire 3");
        assertEq(balance(0), CAP - 5, "balance");
    }

    // ------------------------------------------------------------------------------------------------ bank references

    function test_aBankReferenceIsGoodOnceForMintsAndBurnsTogether() public {
        _appointSecond(CAP, 0);
        _mint(ISSUER, ISSUER, 500, "mint");
        _mint(ISSUER, SECOND, 500, "for the second");
        _burn(ISSUER, 100, "burn");
        bytes32[2] memory used = [bytes32("mint"), "burn"];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory reason = abi.encodeWithSelector(ICashFacts.BankRefUsed.selector, used[i]);
            vm.expectRevert(reason);
            _mint(ISSUER, person(0), 1, used[i]);
            vm.expectRevert(reason);
            _burn(ISSUER, 1, used[i]);
            vm.expectRevert(reason);
            _mint(SECOND, person(0), 1, used[i]);
            vm.expectRevert(reason);
            _burn(SECOND, 1, used[i]);
        }
        assertEq(cash.totalSupply(), 900, "supply");
    }

    // ------------------------------------------------------------------------------------------------ quotas

    function test_aFirstQuotaStartsFullAndSaysSo() public {
        assertEq(abi.encode(cash.quotaOf(SECOND)), abi.encode(Quota(0, 0, 0, uint40(START))), "none");
        listen();
        _setQuota(SECOND, 1_000, 3);
        heard(quotaSetLog(SECOND, 1_000, 3, 1_000));
        assertEq(abi.encode(cash.quotaOf(SECOND)), abi.encode(Quota(1_000, 3, 1_000, uint40(START))), "quota");
    }

    function test_anIssuerWithoutAQuotaMintsNothing() public {
        bytes32 role = cash.ISSUER_ROLE();
        vm.prank(ADMIN);
        cash.grantRole(role, SECOND);
        vm.expectRevert(_exceeded(SECOND, 0, 1));
        _mint(SECOND, person(0), 1, "wire");
    }

    function test_aMintBeyondTheQuotaIsRefused() public {
        _appointSecond(1_000, 3);
        vm.expectRevert(_exceeded(SECOND, 1_000, 1_001));
        _mint(SECOND, person(0), 1_001, "wire 1");
        vm.expectRevert(_exceeded(SECOND, 1_000, type(uint256).max));
        _mint(SECOND, person(0), type(uint256).max, "wire 1");
        assertTrue(!cash.isBankRefUsed("wire 1"), "reference");
        _mint(SECOND, person(0), 1_000, "wire 1");
        vm.expectRevert(_exceeded(SECOND, 0, 1));
        _mint(SECOND, person(0), 1, "wire 2");
        assertEq(cash.quotaOf(ISSUER).level, CAP, "the other issuer's quota");
    }

    function test_aQuotaRefillsBySecondsUpToItsCapacity() public {
        _appointSecond(1_000, 3);
        _mint(SECOND, person(0), 1_000, "wire 1");
        vm.warp(START + 1);
        assertEq(abi.encode(cash.quotaOf(SECOND)), abi.encode(Quota(1_000, 3, 3, uint40(START + 1))), "one second");
        vm.warp(START + 100);
        vm.expectRevert(_exceeded(SECOND, 300, 301));
        _mint(SECOND, person(0), 301, "wire 2");
        _mint(SECOND, person(0), 100, "wire 2");
        vm.warp(START + 101);
        assertEq(cash.quotaOf(SECOND).level, 203, "from what was left");
        vm.warp(START + 366);
        assertEq(cash.quotaOf(SECOND).level, 998, "nearly full");
        vm.warp(START + 367);
        assertEq(cash.quotaOf(SECOND).level, 1_000, "full");
        vm.warp(START + 100 * 365 days);
        assertEq(cash.quotaOf(SECOND).level, 1_000, "never more");
    }

    function test_aChangedQuotaKeepsWhatWasLeftUpToItsCapacity() public {
        _appointSecond(1_000, 3);
        _mint(SECOND, person(0), 900, "wire 1");
        vm.warp(START + 10);
        listen();
        _setQuota(SECOND, 5_000, 7);
        heard(quotaSetLog(SECOND, 5_000, 7, 130));
        vm.warp(START + 20);
        assertEq(cash.quotaOf(SECOND).level, 200, "refilled by the old rate, then by the new");
        listen();
        _setQuota(SECOND, 150, 0);
        heard(quotaSetLog(SECOND, 150, 0, 150));
        vm.warp(START + 30);
        assertEq(cash.quotaOf(SECOND).level, 150, "no refill");
    }

    function test_aQuotaOfNothingThatIsRaisedStartsEmpty() public {
        _appointSecond(1_000, 0);
        _setQuota(SECOND, 0, 0);
        assertEq(cash.quotaOf(SECOND).level, 0, "taken away");
        listen();
        _setQuota(SECOND, 1_000, 1);
        heard(quotaSetLog(SECOND, 1_000, 1, 0));
        vm.expectRevert(_exceeded(SECOND, 0, 1));
        _mint(SECOND, person(0), 1, "wire");
    }

    function test_theLargestQuotaNeverOverflows() public {
        _appointSecond(CAP, CAP);
        _mint(SECOND, person(0), CAP, "wire 1");
        vm.warp(START + 1);
        assertEq(cash.quotaOf(SECOND).level, CAP, "one second");
        vm.warp(type(uint40).max);
        assertEq(cash.quotaOf(SECOND).level, CAP, "the last second");
    }

    /// The quota against a plain bucket, and the whole sum minted against what the bucket can have held.
    function testFuzz_aQuotaIsATokenBucket(uint96 capacity, uint64 refill, uint256[12] memory seeds) public {
        _appointSecond(capacity, refill);
        (uint256 level, uint256 granted, uint256 minted, uint256 time) = (capacity, capacity, 0, START);
        for (uint256 i = 0; i < seeds.length; ++i) {
            uint256 waited = seeds[i] % 1_000;
            vm.warp(time += waited);
            granted += waited * refill;
            level = level + waited * refill > capacity ? capacity : level + waited * refill;
            assertEq(cash.quotaOf(SECOND).level, level, "level");
            uint256 room = CAP - cash.totalSupply();
            uint256 value = bound(seeds[i] >> 16, 0, (level < room ? level : room) + 2);
            if (value > level) {
                vm.expectRevert(_exceeded(SECOND, level, value));
            } else if (value > room) {
                vm.expectRevert(abi.encodeWithSelector(ICashFacts.SupplyCapExceeded.selector, room, value));
            }
            _mint(SECOND, person(0), value, bytes32(i));
            if (value > level || value > room) continue;
            (level, minted) = (level - value, minted + value);
        }
        assertTrue(minted <= granted, "never more than the bucket can have held");
        assertEq(cash.totalSupply(), minted, "supply");
    }

    function test_aMintOfNothingDoesNotBeginAQuota() public {
        Cash fresh = deploy("USD", ADMIN, 0);
        vm.startPrank(ADMIN);
        fresh.grantRole(fresh.ISSUER_ROLE(), ISSUER);
        vm.stopPrank();
        vm.prank(ISSUER);
        fresh.mint(person(0), 0, "nothing");
        vm.prank(ADMIN);
        fresh.setQuota(ISSUER, 1_000, 1);
        assertEq(fresh.quotaOf(ISSUER).level, 1_000, "a first quota starts full");
    }
}
