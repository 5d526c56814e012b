// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Cash} from "./Base.sol";
import {AccountState, ICash, ICashFacts} from "../src/ICash.sol";
import {Events} from "./Events.sol";

/// ERC-20 as everybody knows it, and what this ledger adds: freezes, payees that are refused, clean addresses.
contract TransfersTest is Events {
    address private _ana;
    address private _bo;

    function setUp() public override {
        super.setUp();
        (_ana, _bo) = (person(0), person(1));
        give(_ana, 1_000);
    }

    // ------------------------------------------------------------------------------------------------ metadata

    function test_theTokenNamesItself() public view {
        assertEq(cash.name(), "Cash EUR", "name");
        assertEq(cash.symbol(), "cEUR", "symbol");
        assertEq(cash.decimals(), 6, "decimals");
        assertEq(cash.currency(), "EUR", "currency");
        assertEq(cash.version(), "1", "version");
    }

    function test_aNewLedgerIsEmpty() public {
        Cash fresh = newCash();
        assertEq(fresh.totalSupply(), 0, "supply");
        assertTrue(!fresh.paused(), "paused");
        AccountState memory state = fresh.accountState(_bo);
        assertEq(abi.encode(state), abi.encode(AccountState(0, 0, 0, 0, false)), "account");
    }

    // ------------------------------------------------------------------------------------------------ transfer

    function test_aTransferMovesMoneyAndSaysSo() public {
        listen();
        vm.prank(_ana);
        assertTrue(cash.transfer(_bo, 300), "answer");
        heard(transferLog(_ana, _bo, 300));
        assertEq(cash.balanceOf(_ana), 700, "payer");
        assertEq(cash.balanceOf(_bo), 300, "payee");
        assertEq(cash.totalSupply(), 1_000, "supply");
        assertEq(cash.accountState(_bo).balance, 300, "state");
    }

    function test_aTransferToOneselfChangesNothing() public {
        listen();
        vm.prank(_ana);
        cash.transfer(_ana, 1_000);
        heard(transferLog(_ana, _ana, 1_000));
        assertEq(cash.balanceOf(_ana), 1_000, "balance");
    }

    function test_nothingCanBeTransferredByAnEmptyAccount() public {
        listen();
        vm.prank(_bo);
        cash.transfer(_ana, 0);
        heard(transferLog(_bo, _ana, 0));
    }

    function test_aTransferOfMoreThanTheBalanceIsRefused() public {
        vm.prank(_ana);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, _ana, 1_000, 1_001));
        cash.transfer(_bo, 1_001);
        vm.prank(_ana);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, _ana, 1_000, type(uint256).max)
        );
        cash.transfer(_bo, type(uint256).max);
    }

    function test_moneyIsNeverSentToNobodyOrToTheLedger() public {
        _refusePayee(address(0));
        _refusePayee(address(cash));
    }

    function _refusePayee(address to) private {
        vm.prank(_ana);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, to));
        cash.transfer(to, 1);
    }

    function test_aFrozenAccountNeitherSendsNorReceives() public {
        freeze(_bo);
        vm.prank(_ana);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, _bo));
        cash.transfer(_bo, 1);
        freeze(_ana);
        vm.prank(_ana);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, _ana));
        cash.transfer(person(2), 0);
    }

    function testFuzz_aTransferConservesMoney(uint96 first, uint96 second, uint256 value, bool toSelf) public {
        vm.assume(uint256(first) + second <= type(uint96).max - 1_000);
        (address from, address to) = (person(5), toSelf ? person(5) : person(6));
        give(from, first);
        give(to, second);
        (uint256 payer, uint256 payee) = (cash.balanceOf(from), cash.balanceOf(to));
        value = bound(value, 0, payer);
        vm.prank(from);
        cash.transfer(to, value);
        assertEq(cash.balanceOf(from), toSelf ? payer : payer - value, "payer");
        assertEq(cash.balanceOf(to), toSelf ? payee : payee + value, "payee");
        assertEq(cash.totalSupply(), uint256(first) + second + 1_000, "supply");
    }

    // ------------------------------------------------------------------------------------------------ allowances

    function test_anApprovalReplacesTheLast() public {
        listen();
        vm.prank(_ana);
        assertTrue(cash.approve(_bo, 5), "answer");
        heard(approvalLog(_ana, _bo, 5), approvedLog());
        vm.prank(_ana);
        cash.approve(_bo, 3);
        assertEq(cash.allowance(_ana, _bo), 3, "allowance");
        assertEq(cash.allowance(_bo, _ana), 0, "the other way round");
    }

    function test_nobodyCanBeApprovedToSpend() public {
        vm.prank(_ana);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSpender.selector, address(0)));
        cash.approve(address(0), 1);
    }

    function test_spendingAnAllowanceSaysWhoSpent() public {
        vm.prank(_ana);
        cash.approve(_bo, 500);
        listen();
        vm.prank(_bo);
        assertTrue(cash.transferFrom(_ana, person(2), 200), "answer");
        heard(transferLog(_ana, person(2), 200), allowanceSpentLog(_bo));
        assertEq(cash.allowance(_ana, _bo), 300, "allowance");
        assertEq(balance(2), 200, "payee");
        assertEq(cash.balanceOf(_ana), 800, "payer");
    }

    function test_anInfiniteAllowanceIsNotUsedUp() public {
        vm.prank(_ana);
        cash.approve(_bo, type(uint256).max);
        listen();
        vm.prank(_bo);
        assertTrue(cash.transferFrom(_ana, _bo, 1_000), "answer");
        heard(transferLog(_ana, _bo, 1_000));
        assertEq(cash.allowance(_ana, _bo), type(uint256).max, "allowance");
    }

    function test_theLargestFiniteAllowanceIsUsedUp() public {
        vm.prank(_ana);
        cash.approve(_bo, type(uint256).max - 1);
        vm.prank(_bo);
        cash.transferFrom(_ana, _bo, 10);
        assertEq(cash.allowance(_ana, _bo), type(uint256).max - 11, "allowance");
    }

    function test_spendingMoreThanTheAllowanceIsRefused() public {
        vm.prank(_ana);
        cash.approve(_bo, 5);
        vm.prank(_bo);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, _bo, 5, 6));
        cash.transferFrom(_ana, _bo, 6);
    }

    function test_anOwnerNeedsAnAllowanceForTransferFrom() public {
        vm.prank(_ana);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, _ana, 0, 1));
        cash.transferFrom(_ana, _bo, 1);
    }

    function test_aRefusedTransferFromLeavesTheAllowance() public {
        vm.prank(_ana);
        cash.approve(_bo, 2_000);
        vm.prank(_bo);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, _ana, 1_000, 1_001));
        cash.transferFrom(_ana, _bo, 1_001);
        assertEq(cash.allowance(_ana, _bo), 2_000, "allowance");
    }

    function test_transferFromHoldsToTheSamePayeesAndFreezes() public {
        vm.prank(_ana);
        cash.approve(_bo, type(uint256).max);
        vm.prank(_bo);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        cash.transferFrom(_ana, address(0), 1);
        vm.prank(_bo);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, address(0)));
        cash.transferFrom(address(0), _bo, 0);
        freeze(_ana);
        vm.prank(_bo);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, _ana));
        cash.transferFrom(_ana, _bo, 1);
    }

    function test_theSpenderMayBeFrozenButNotThePayerOrPayee() public {
        vm.prank(_ana);
        cash.approve(_bo, 10);
        freeze(_bo);
        vm.prank(_bo);
        cash.transferFrom(_ana, person(2), 10);
        assertEq(balance(2), 10, "moved");
    }

    function testFuzz_anAllowanceIsSpentExactly(uint256 allowed, uint256 value) public {
        allowed = bound(allowed, 0, type(uint256).max - 1);
        vm.prank(_ana);
        cash.approve(_bo, allowed);
        value = bound(value, 0, allowed < 1_000 ? allowed : 1_000);
        vm.prank(_bo);
        cash.transferFrom(_ana, person(2), value);
        assertEq(cash.allowance(_ana, _bo), allowed - value, "allowance");
        assertEq(cash.balanceOf(_ana), 1_000 - value, "payer");
        assertEq(balance(2), value, "payee");
    }

    // ------------------------------------------------------------------------------------------------ dirty calldata

    /// An address in calldata whose upper 12 bytes are not zero is no address.
    function testFuzz_dirtyAddressesAreRefused(uint96 dirt) public {
        vm.assume(dirt != 0);
        uint256 ana = (uint256(dirt) << 160) | uint160(_ana);
        uint256 bo = (uint256(dirt) << 160) | uint160(_bo);
        (uint256 cleanAna, uint256 cleanBo) = (uint160(_ana), uint160(_bo));
        _refuse(abi.encodeWithSelector(cash.transfer.selector, bo, 1));
        _refuse(abi.encodeWithSelector(cash.approve.selector, bo, 1));
        _refuse(abi.encodeWithSelector(cash.transferFrom.selector, ana, cleanBo, 0));
        _refuse(abi.encodeWithSelector(cash.transferFrom.selector, cleanAna, bo, 0));
        _refuse(abi.encodeWithSelector(cash.balanceOf.selector, ana));
        _refuse(abi.encodeWithSelector(cash.accountState.selector, ana));
        _refuse(abi.encodeWithSelector(cash.isNonceAvailable.selector, ana, 0));
        vm.prank(_ana);
        (bool ok,) = address(cash).call(abi.encodeWithSelector(cash.transfer.selector, cleanBo, 1));
        assertTrue(ok, "the same call with a clean address");
    }

    function _refuse(bytes memory data) private {
        vm.prank(_ana);
        (bool ok, bytes memory answer) = address(cash).call(data);
        assertTrue(!ok && answer.length == 0, "dirty address");
    }

    function test_aCallWithMoneyOrWithoutAFunctionIsRefused() public {
        (bool ok,) = address(cash).call("");
        assertTrue(!ok, "no function");
        (ok,) = address(cash).call(abi.encodeWithSignature("nothing()"));
        assertTrue(!ok, "unknown function");
        (ok,) = address(cash).call{value: 1}("");
        assertTrue(!ok, "ether");
    }
}
