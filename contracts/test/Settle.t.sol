// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICashFacts, Leg} from "../src/ICash.sol";
import {SignedConsent} from "./Base.sol";
import {Vm} from "./Base.sol";
import {Deal, Deals} from "./Deals.sol";
import {SmartAccount} from "./SmartAccounts.sol";

/// Settlements that are carried out. Those that are refused are in SettleRefusals.t.sol.
contract SettleTest is Deals {
    /// `debits` and `credits` people, ascending on each side, each debtor with 1,000 units; amounts follow.
    function _people(uint256 debits, uint256 credits) private returns (Deal memory deal, uint256[] memory keys) {
        deal = emptyDeal(debits, credits);
        keys = sortedKeys(0, debits);
        uint256[] memory creditorKeys = sortedKeys(debits, credits);
        for (uint256 i = 0; i < debits; ++i) {
            deal.debits[i].account = vm.addr(keys[i]);
            give(deal.debits[i].account, 1_000);
        }
        for (uint256 i = 0; i < credits; ++i) {
            deal.credits[i].account = vm.addr(creditorKeys[i]);
        }
    }

    function _setDebits(Deal memory deal, uint256[3] memory amounts) private pure {
        for (uint256 i = 0; i < 3; ++i) {
            deal.debits[i].amount = amounts[i];
        }
    }

    // ------------------------------------------------------------------------------------------------ what it does

    function test_aSettlementMovesMoneyAndSaysSo() public {
        give(person(0), 1_000);
        Deal memory deal = dealOf(person(0), person(1), 300);
        sign(deal, 0, key(0), 5);
        listen();
        deliver(deal);
        heard(transferLog(person(0), person(1), 300), settledLogOf(deal));
        assertEq(balance(0), 700, "debtor");
        assertEq(balance(1), 300, "creditor");
        assertEq(cash.totalSupply(), 1_000, "supply");
        assertEq(cash.accountState(person(0)).window, 1 << 5, "nonce used");
        assertEq(cash.accountState(person(1)).window, 0, "the creditor's nonces");
    }

    function test_transfersPairDebitsWithCreditsInOrder() public {
        (Deal memory deal, uint256[] memory keys) = _people(3, 3);
        _setDebits(deal, [uint256(50), 30, 20]);
        (deal.credits[0].amount, deal.credits[1].amount, deal.credits[2].amount) = (10, 60, 30);
        sign(deal, 0, keys[0], 3);
        sign(deal, 1, keys[1], 2 ** 99);
        sign(deal, 2, keys[2], 0);
        Vm.Log[] memory logs = new Vm.Log[](6);
        logs[0] = transferLog(deal.debits[0].account, deal.credits[0].account, 10);
        logs[1] = transferLog(deal.debits[0].account, deal.credits[1].account, 40);
        logs[2] = transferLog(deal.debits[1].account, deal.credits[1].account, 20);
        logs[3] = transferLog(deal.debits[1].account, deal.credits[2].account, 10);
        logs[4] = transferLog(deal.debits[2].account, deal.credits[2].account, 20);
        logs[5] = settledLogOf(deal);
        listen();
        deliver(deal);
        heard(logs);
    }

    function test_oneDebtorPaysManyAndManyPayOne() public {
        (Deal memory deal, uint256[] memory keys) = _people(1, 3);
        deal.debits[0].amount = 6;
        for (uint256 i = 0; i < 3; ++i) {
            deal.credits[i].amount = i + 1;
        }
        signAll(deal, keys, 0);
        deliver(deal);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(cash.balanceOf(deal.credits[i].account), i + 1, "creditor");
        }
        assertEq(cash.balanceOf(deal.debits[0].account), 994, "debtor");

        (deal, keys) = _people(3, 1);
        _setDebits(deal, [uint256(1), 2, 3]);
        deal.credits[0].amount = 6;
        uint256 before = cash.balanceOf(deal.credits[0].account);
        signAll(deal, keys, 1);
        deliver(deal);
        assertEq(cash.balanceOf(deal.credits[0].account), before + 6, "creditor");
    }

    function test_aDebtorMayPayAllThereIs() public {
        give(person(0), type(uint96).max);
        Deal memory deal = dealOf(person(0), person(1), type(uint96).max);
        sign(deal, 0, key(0), 0);
        deliver(deal);
        assertEq(balance(1), type(uint96).max, "creditor");
    }

    function test_aSettlementOf256LegsIsCarriedOut() public {
        (Deal memory deal, uint256[] memory keys) = _people(128, 128);
        for (uint256 i = 0; i < 128; ++i) {
            (deal.debits[i].amount, deal.credits[i].amount) = (i + 1, 128 - i);
        }
        signAll(deal, keys, 7);
        listen();
        deliver(deal);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        _assertRebuilds(deal, logs);
        for (uint256 i = 0; i < 128; ++i) {
            assertEq(cash.balanceOf(deal.debits[i].account), 999 - i, "debtor");
            assertEq(cash.balanceOf(deal.credits[i].account), 128 - i, "creditor");
        }
    }

    // ------------------------------------------------------------------------------------------------ who delivers

    function test_anyoneMayDeliverWhereThereIsNoOperator() public {
        give(person(0), 1_000);
        Deal memory deal = dealOf(person(0), person(1), 300);
        sign(deal, 0, key(0), 5);
        deliver(deal, person(77));
        assertEq(balance(1), 300, "creditor");
    }

    function test_theOperatorMayDeliver() public {
        give(person(0), 1_000);
        Deal memory deal = dealOf(person(0), person(1), 300);
        deal.operator = RELAYER;
        sign(deal, 0, key(0), 5);
        deliver(deal, RELAYER);
        assertEq(balance(1), 300, "creditor");
    }

    function test_aSettlementIsGoodUntilItsLastSecond() public {
        give(person(0), 1_000);
        Deal memory deal = dealOf(person(0), person(1), 300);
        sign(deal, 0, key(0), 5);
        vm.warp(BEFORE - 1);
        deliver(deal);
        assertEq(balance(1), 300, "creditor");
    }

    // ------------------------------------------------------------------------------------------------ who signs

    function test_bothSignatureFormsAndSmartAccountsConsentTogether() public {
        (Deal memory deal, uint256[] memory keys) = _people(3, 1);
        // The smart account takes the place of the highest debtor.
        address smart = address(uint160(type(uint160).max) - 5);
        vm.etch(smart, address(new SmartAccount(person(9))).code);
        give(smart, 1_000);
        deal.debits[2].account = smart;
        _setDebits(deal, [uint256(1), 2, 3]);
        deal.credits[0].amount = 6;
        bytes32 hash = hashOf(deal);
        deal.consents[0] = SignedConsent(0, signed(keys[0], consentOf(deal, 0, 0)));
        deal.consents[1] = SignedConsent(1, signedShort(keys[1], consentOf(deal, 1, 1)));
        deal.consents[2] = SignedConsent(2, abi.encodePacked(hex"01", signed(key(9), consentOf(deal, 2, 2))));
        deliver(deal);
        assertEq(hashOf(deal), hash, "the settlement does not contain its consents");
        assertEq(cash.balanceOf(smart), 997, "smart account");
        assertEq(cash.accountState(smart).window, 1 << 2, "its nonce");
        assertEq(cash.balanceOf(deal.credits[0].account), 6, "creditor");
    }

    function test_wideNoncesConsentOnce() public {
        give(person(0), 1_000);
        Deal memory deal = dealOf(person(0), person(1), 300);
        sign(deal, 0, key(0), 2 ** 56);
        deliver(deal);
        assertTrue(!cash.isNonceAvailable(person(0), 2 ** 56), "used");
        assertEq(cash.accountState(person(0)).window, 0, "window");
        refuse(deal, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, person(0), 2 ** 56));
    }

    /// A settlement that is planned again reuses each debtor's nonce, so that only one of the two can happen.
    function test_ofTwoPlansWithTheSameNoncesOneIsCarriedOut() public {
        give(person(0), 1_000);
        Deal memory first = dealOf(person(0), person(1), 300);
        Deal memory second = dealOf(person(0), person(2), 200);
        sign(first, 0, key(0), 5);
        sign(second, 0, key(0), 5);
        deliver(second);
        refuse(first, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, person(0), 5));
        assertEq(balance(0), 800, "debtor");
    }

    // ------------------------------------------------------------------------------------------------ fuzz

    /// Random legs with equal sums: every balance is right, the sum stays, and the events alone tell the same.
    function testFuzz_aSettlementConservesMoney(uint256 debits, uint256 credits, uint256[12] memory seeds) public {
        (debits, credits) = (bound(debits, 1, 6), bound(credits, 1, 6));
        (Deal memory deal, uint256[] memory keys) = _people(debits, credits);
        uint256 sum = 0;
        for (uint256 i = 0; i < debits; ++i) {
            deal.debits[i].amount = bound(seeds[i], 10, 1_000);
            sum += deal.debits[i].amount;
        }
        uint256 supply = cash.totalSupply();
        uint256 left = sum;
        for (uint256 i = 0; i < credits; ++i) {
            // Something is left for each of those that follow.
            uint256 amount = i == credits - 1 ? left : bound(seeds[6 + i], 1, left - (credits - 1 - i));
            deal.credits[i].amount = amount;
            left -= amount;
        }
        signAll(deal, keys, seeds[0] % 2 == 0 ? seeds[1] % 1_088 : uint256(keccak256(abi.encode(seeds[1]))));
        listen();
        deliver(deal);
        _assertRebuilds(deal, vm.getRecordedLogs());
        for (uint256 i = 0; i < debits; ++i) {
            assertEq(cash.balanceOf(deal.debits[i].account), 1_000 - deal.debits[i].amount, "debtor");
        }
        for (uint256 i = 0; i < credits; ++i) {
            assertEq(cash.balanceOf(deal.credits[i].account), deal.credits[i].amount, "creditor");
        }
        assertEq(cash.totalSupply(), supply, "supply");
    }

    /// The `Transfer`s name each debtor and each creditor in order, no value is zero, and they add up to the legs.
    function _assertRebuilds(Deal memory deal, Vm.Log[] memory logs) private pure {
        (uint256 debtor, uint256 creditor, uint256 debited, uint256 credited) = (0, 0, 0, 0);
        for (uint256 i = 0; i < logs.length - 1; ++i) {
            uint256 value = abi.decode(logs[i].data, (uint256));
            assertTrue(value != 0, "empty transfer");
            if (debited == deal.debits[debtor].amount) (debtor, debited) = (debtor + 1, 0);
            if (credited == deal.credits[creditor].amount) (creditor, credited) = (creditor + 1, 0);
            assertEq(address(uint160(uint256(logs[i].topics[1]))), deal.debits[debtor].account, "from");
            assertEq(address(uint160(uint256(logs[i].topics[2]))), deal.credits[creditor].account, "to");
            debited += value;
            credited += value;
            assertTrue(debited <= deal.debits[debtor].amount, "too much from one");
            assertTrue(credited <= deal.credits[creditor].amount, "too much to one");
        }
        assertEq(debtor, deal.debits.length - 1, "all debtors");
        assertEq(creditor, deal.credits.length - 1, "all creditors");
        assertEq(debited, deal.debits[debtor].amount, "the last debit");
        assertEq(credited, deal.credits[creditor].amount, "the last credit");
        Vm.Log memory last = logs[logs.length - 1];
        Vm.Log memory expected = settledLogOf(deal);
        assertEq(abi.encode(last.topics, last.data), abi.encode(expected.topics, expected.data), "settled");
    }
}
