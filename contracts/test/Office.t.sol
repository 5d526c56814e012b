// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ICashFacts} from "../src/ICash.sol";
import {Base, Cash, Vm} from "./Base.sol";

/// The part of a ledger that it reaches by a delegate call: it works on the ledger's storage, and nobody can use it
/// otherwise, exchange it or open it a second time.
contract OfficeTest is Base {
    /// The first contract that `account` made (EIP-161: its nonce began at 1).
    function _officeOf(address account) private pure returns (Cash) {
        bytes32 hash = keccak256(abi.encodePacked(bytes2(0xd694), account, bytes1(0x01)));
        return Cash(address(uint160(uint256(hash))));
    }

    function test_theOfficeIsTheLedgersFirstAndOnlyCreation() public view {
        assertTrue(address(_officeOf(address(cash))).code.length != 0, "the office has code");
        bytes32 second = keccak256(abi.encodePacked(bytes2(0xd694), address(cash), bytes1(0x02)));
        assertEq(address(uint160(uint256(second))).code.length, 0, "there is no second");
    }

    function test_aLedgerIsOpenedOnce() public {
        vm.expectRevert(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        vm.prank(ADMIN);
        cash.open(person(0), 0);
    }

    function test_theOfficeItselfIsClosed() public {
        Cash office = _officeOf(address(cash));
        vm.expectRevert(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        office.open(person(0), 0);
        assertEq(office.defaultAdmin(), address(0), "admin");
        bytes32 role = cash.ISSUER_ROLE();
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, ISSUER, role));
        vm.prank(ISSUER);
        office.mint(person(0), 1, "ref");
    }

    function test_whatIsDoneAtTheOfficesAddressDoesNotTouchTheLedger() public {
        give(person(0), 5);
        Cash office = _officeOf(address(cash));
        vm.prank(person(0));
        office.cancelNonces(10);
        assertEq(cash.accountState(person(0)).windowBase, 0, "the ledger's window");
        assertEq(office.accountState(person(0)).windowBase, 10, "the office's own");
        assertEq(office.totalSupply(), 0, "supply");
    }

    function test_aCallThatNobodyAnswersReverts() public {
        (bool ok, bytes memory answer) = address(cash).call(abi.encodeWithSignature("upgradeTo(address)", person(0)));
        assertTrue(!ok && answer.length == 0, "unknown function");
        (ok,) = address(cash).call("");
        assertTrue(!ok, "no call data");
        (ok,) = address(cash).call(hex"06fdde");
        assertTrue(!ok, "less than a selector");
    }

    function test_noMoneyOfTheChainIsTaken() public {
        (bool ok,) = address(cash).call{value: 1}("");
        assertTrue(!ok, "plain");
        (ok,) = address(cash).call{value: 1}(abi.encodeCall(cash.pause, ()));
        assertTrue(!ok, "with a call of the office");
        (ok,) = address(cash).call{value: 1}(abi.encodeCall(cash.transfer, (person(0), 0)));
        assertTrue(!ok, "with a movement");
    }

    /// Answers and refusals of the office come through whole: a long text, and an error with its values.
    function test_answersAndErrorsComeThroughWhole() public {
        assertEq(cash.name(), "Cash EUR", "name");
        assertEq(cash.symbol(), "cEUR", "symbol");
        assertEq(cash.decimals(), 6, "decimals");
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, person(0), cash.PAUSER_ROLE()
            )
        );
        vm.prank(person(0));
        cash.pause();
    }

    function test_nobodyAndTheLedgerItselfAreFrozenForGood() public {
        address[3] memory noAccounts = [address(0), address(cash), address(_officeOf(address(cash)))];
        for (uint256 i = 0; i < 3; ++i) {
            assertTrue(cash.accountState(noAccounts[i]).frozen, "frozen from the start");
            vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, noAccounts[i]));
            vm.prank(OFFICER);
            cash.unfreeze(noAccounts[i], "please");
            assertTrue(cash.accountState(noAccounts[i]).frozen, "frozen still");
        }
    }

    /// The freezes that a ledger is born with are told like any other, so that events rebuild them.
    function test_aNewLedgerTellsItsFreezes() public {
        vm.recordLogs();
        Cash fresh = deploy("USD", ADMIN, 0);
        uint256 told = 0;
        Log[] memory logs = _logsOf(address(fresh));
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topic != ICashFacts.Frozen.selector) continue;
            assertTrue(
                logs[i].account == address(0) || logs[i].account == address(fresh)
                    || logs[i].account == address(_officeOf(address(fresh))),
                "whom"
            );
            assertEq(logs[i].other, address(0), "by nobody");
            ++told;
        }
        assertEq(told, 3, "freezes");
    }

    struct Log {
        bytes32 topic;
        address account;
        address other;
    }

    function _logsOf(address emitter) private returns (Log[] memory logs) {
        Vm.Log[] memory all = vm.getRecordedLogs();
        logs = new Log[](all.length);
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i].emitter != emitter || all[i].topics.length < 3) continue;
            bytes32[] memory topics = all[i].topics;
            logs[i] = Log(topics[0], address(uint160(uint256(topics[1]))), address(uint160(uint256(topics[2]))));
        }
    }

    function test_anAllowanceIsKeptWhereNothingElseIs(address owner, address spender) public {
        vm.assume(spender != address(0) && owner != address(0));
        vm.prank(owner);
        cash.approve(spender, 12_345);
        assertEq(cash.allowance(owner, spender), 12_345, "allowance");
        bytes32 slot = keccak256(abi.encodePacked(owner, spender));
        assertEq(vm.load(address(cash), slot), bytes32(uint256(12_345)), "its place");
    }
}
