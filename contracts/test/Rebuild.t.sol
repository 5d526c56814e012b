// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {Leg} from "../src/ICash.sol";
import {Deal, Deals} from "./Deals.sol";
import {Fold} from "./Fold.sol";

/// Many operations whose events stand in one row, as in one transaction of a contract: marks that count by the event
/// beside them (`Approved`, `AllowanceSpent`, `Paid`, `Settled`) are still told apart.
contract RebuildTest is Deals {
    uint256 private constant PEOPLE = 4;

    Fold private _fold;
    uint256[PEOPLE] private _nextNonce;

    function setUp() public override {
        super.setUp();
        _fold = new Fold();
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_theEventsOfOneTransactionRebuildTheState(uint256[20] memory seeds) public {
        listen();
        vm.prank(ADMIN);
        cash.setQuota(ISSUER, type(uint96).max, 0);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            give(person(i), 1_000);
        }
        for (uint256 i = 0; i < seeds.length; ++i) {
            uint256 seed = seeds[i];
            _operate(seed % 10, (seed >> 8) % PEOPLE, (seed >> 16) % PEOPLE, seed >> 24);
        }
        _fold.read(vm.getRecordedLogs());
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _assertRebuilt(person(i));
        }
        assertEq(_fold.plainSupply(), cash.totalSupply(), "supply");
        assertTrue(_fold.mostExecutions() <= 1, "a nonce twice");
    }

    function _assertRebuilt(address account) private view {
        assertEq(_fold.plainBalance(account), cash.balanceOf(account), "balance");
        assertEq(_fold.plainPermitNonce(account), cash.nonces(account), "permit nonce");
        (uint256 base, uint256 bits) = _fold.plainWindowOf(account);
        assertEq(base, cash.accountState(account).windowBase, "base");
        assertEq(bits, cash.accountState(account).window, "window");
        for (uint256 j = 0; j < PEOPLE; ++j) {
            assertEq(_fold.plainAllowance(account, person(j)), cash.allowance(account, person(j)), "allowance");
        }
    }

    /// One operation between two people, who may be one, that is sure to succeed.
    function _operate(uint256 kind, uint256 first, uint256 second, uint256 seed) private {
        if (kind < 2) _approve(first, second, seed);
        else if (kind < 4) _permit(first, second, seed);
        else if (kind < 6) _spend(first, second, seed);
        else if (kind == 6) cash.pay(item(key(first), person(second), seed % 20, _nextNonce[first]++));
        else if (kind == 7) _authorize(first, second, seed);
        else if (kind == 8) _transfer(first, second, seed);
        else _settle(first, second, seed);
    }

    function _allowed(uint256 seed) private pure returns (uint256) {
        return seed % 5 == 0 ? type(uint256).max : (seed >> 8) % 50;
    }

    function _approve(uint256 owner, uint256 spender, uint256 seed) private {
        vm.prank(person(owner));
        cash.approve(person(spender), _allowed(seed));
    }

    function _permit(uint256 owner, uint256 spender, uint256 seed) private {
        uint256 value = _allowed(seed);
        bytes32 hash = Documents.permit(person(owner), person(spender), value, cash.nonces(person(owner)), BEFORE);
        cash.permit(person(owner), person(spender), value, BEFORE, signed(key(owner), hash));
    }

    function _spend(uint256 owner, uint256 spender, uint256 seed) private {
        uint256 most = cash.allowance(person(owner), person(spender));
        if (most > balance(owner)) most = balance(owner);
        vm.prank(person(spender));
        cash.transferFrom(person(owner), person((seed >> 16) % PEOPLE), most < 20 ? most : seed % 20);
    }

    function _authorize(uint256 from, uint256 to, uint256 seed) private {
        bytes32 nonce = seed % 2 == 0 ? tagged(_nextNonce[from]++) : keccak256(abi.encode(seed));
        bytes32 typeHash = Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH;
        bytes32 hash = Documents.authorization(typeHash, person(from), person(to), 1, 0, BEFORE, nonce);
        if (balance(from) == 0 || cash.authorizationState(person(from), nonce)) return;
        cash.transferWithAuthorization(person(from), person(to), 1, 0, BEFORE, nonce, signed(key(from), hash));
    }

    function _transfer(uint256 from, uint256 to, uint256 seed) private {
        uint256 value = seed % (balance(from) / 7 + 1);
        vm.prank(person(from));
        cash.transfer(person(to), value);
    }

    /// Two debtors pay the two others.
    function _settle(uint256 first, uint256 second, uint256 seed) private {
        if (first == second || balance(first) < 10 || balance(second) < 10) return;
        if (person(first) > person(second)) (first, second) = (second, first);
        Deal memory deal = emptyDeal(2, 2);
        (deal.debits[0], deal.debits[1]) = (Leg(person(first), 1 + seed % 9), Leg(person(second), 1 + (seed >> 8) % 9));
        uint256 sum = deal.debits[0].amount + deal.debits[1].amount;
        address[2] memory others;
        uint256 count = 0;
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (i != first && i != second) others[count++] = person(i);
        }
        if (others[0] > others[1]) (others[0], others[1]) = (others[1], others[0]);
        uint256 part = 1 + (seed >> 16) % (sum - 1);
        (deal.credits[0], deal.credits[1]) = (Leg(others[0], part), Leg(others[1], sum - part));
        sign(deal, 0, key(first), _nextNonce[first]++);
        sign(deal, 1, key(second), _nextNonce[second]++);
        deliver(deal);
    }
}
