// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {AccountWord} from "../src/Account.sol";
import {ICashFacts, IMovements, Leg, SkipReason} from "../src/ICash.sol";
import {SignedConsent, Vm} from "./Base.sol";
import {Deal, Deals} from "./Deals.sol";
import {ReentrantAccount, SlowAccount, WatchingAccount} from "./SmartAccounts.sol";

/// Attacks on a delivery by those who see it before it is mined, and by those whom it asks. `SECURITY.md` has the whole
/// list, and where the other attacks are tested.
contract AttacksTest is Deals {
    uint256[] private _keys;

    function setUp() public override {
        super.setUp();
        _keys = sortedKeys(0, 3);
        for (uint256 i = 0; i < 3; ++i) {
            give(vm.addr(_keys[i]), 1_000);
        }
    }

    function _who(uint256 i) private view returns (address) {
        return vm.addr(_keys[i]);
    }

    /// Debtors `i` and `j` pay `creditor` 30 and 40; both sign `nonce`.
    function _plan(uint256 i, uint256 j, address creditor, uint256 nonce) private view returns (Deal memory deal) {
        deal = emptyDeal(2, 1);
        (deal.debits[0], deal.debits[1]) = (Leg(_who(i), 30), Leg(_who(j), 40));
        deal.credits[0] = Leg(creditor, 70);
        sign(deal, 0, _keys[i], nonce);
        sign(deal, 1, _keys[j], nonce);
    }

    function _unavailable(address account, uint256 nonce) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, account, nonce);
    }

    // ------------------------------------------------------------------------------------------------ who is first

    /// Two plans of one group share a debtor and that debtor's nonce. Whichever comes first, the other is dead, and those
    /// whom it alone asked keep their money and their nonces.
    function test_ofAnOldAndANewPlanTheFirstKillsTheOther() public {
        for (uint256 nonce = 0; nonce < 2; ++nonce) {
            Deal memory old = _plan(0, 1, person(8), nonce);
            Deal memory fresh = _plan(1, 2, person(9), nonce);
            (Deal memory first, Deal memory second) = nonce == 0 ? (old, fresh) : (fresh, old);
            address alone = nonce == 0 ? _who(2) : _who(0);
            uint256 before = cash.balanceOf(alone);
            deliver(first);
            refuse(second, _unavailable(_who(1), nonce));
            assertEq(cash.balanceOf(alone), before, "whom only the dead plan asked");
            assertTrue(cash.isNonceAvailable(alone, nonce), "nonce");
        }
        assertEq(balance(8) + balance(9), 140, "each plan once");
    }

    function test_aCopiedSettlementMovesMoneyOnce() public {
        Deal memory deal = _plan(0, 1, person(9), 5);
        deliver(deal, person(77));
        refuse(deal, _unavailable(_who(0), 5));
        assertEq(balance(9), 70, "creditor");
    }

    function test_aDebtorWhoEmptiesTheAccountDelaysTheSettlement() public {
        Deal memory deal = _plan(0, 1, person(9), 5);
        vm.prank(_who(1));
        cash.transfer(person(8), 1_000);
        refuse(deal, abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, _who(1), 0, 40));
        assertEq(cash.balanceOf(_who(0)), 1_000, "the honest debtor");
        assertTrue(cash.isNonceAvailable(_who(0), 5), "and that nonce");
        give(_who(1), 40);
        deliver(deal);
        assertEq(balance(9), 70, "creditor");
    }

    /// Whoever guesses a payment's nonce makes a `Skipped` for it, and nothing else: the true item is paid all the same,
    /// in the same batch or later.
    function test_aForgedItemSpoilsNothing() public {
        bytes memory good = item(_keys[0], person(9), 10, 4);
        bytes memory forged = bytes.concat(good);
        forged[51] ^= 0x01; // the value's
        listen();
        vm.prank(person(77));
        assertEq(cash.pay(forged), 0, "alone");
        heard(skippedLog(_who(0), 4, SkipReason.InvalidSignature));
        assertTrue(cash.isNonceAvailable(_who(0), 4), "nonce");
        listen();
        assertEq(cash.pay(abi.encodePacked(forged, good)), 1, "before the true one");
        heard(
            skippedLog(_who(0), 4, SkipReason.InvalidSignature),
            transferLog(_who(0), person(9), 10),
            paidLog(keccak256(abi.encode(_keys[0], 4)), 4)
        );
    }

    // ------------------------------------------------------------------------------------------------ windows

    /// Nobody else can push a window: not by an item, not by a consent.
    function test_aForgedJumpLeavesTheWindow() public {
        bytes memory forged = item(_keys[0], person(9), 10, 1_087);
        forged[159] ^= 0x01;
        assertEq(cash.pay(forged), 0, "item");
        Deal memory deal = _plan(0, 1, person(9), 1_087);
        deal.consents[0].signature[40] ^= 0x01;
        refuse(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _who(0)));
        deal = _plan(0, 1, person(9), 1_087);
        deal.consents[1].signature[40] ^= 0x01;
        refuse(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _who(1)));
        assertEq(cash.accountState(_who(0)).windowBase, 0, "base");
        assertEq(cash.pay(item(_keys[0], person(9), 10, 0)), 1, "the first nonce lives");
    }

    /// One document, even signed by mistake with the largest number it may carry, kills 1,024 numbers.
    function test_oneJumpKills1024NoncesAtMost() public {
        assertEq(cash.pay(item(_keys[0], person(9), 1, 1_088)), 0, "one too far");
        assertEq(cash.pay(item(_keys[0], person(9), 1, 1_087)), 1, "the furthest");
        assertEq(cash.pay(item(_keys[0], person(9), 1, 1_023)), 0, "dead");
        assertEq(cash.pay(item(_keys[0], person(9), 1, 1_024)), 1, "alive");
    }

    // ------------------------------------------------------------------------------------------------ malleability

    /// The consent's other signature, s' = n - s, in the long form, and the wrong parity in the short one.
    function test_theTwinsOfAConsentAreRefused() public {
        Deal memory deal = dealOf(_who(0), person(9), 10);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_keys[0], digestOf(consentOf(deal, 0, 5)));
        bytes memory reason = abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, _who(0));
        uint8 twin = v == 27 ? 28 : 27;
        deal.consents[0] = SignedConsent(5, abi.encodePacked(r, SECP256K1_N - uint256(s), twin));
        refuse(deal, reason);
        deal.consents[0] = SignedConsent(5, abi.encodePacked(r, uint256(s) | (uint256(twin - 27) << 255)));
        refuse(deal, reason);
        deal.consents[0] = SignedConsent(5, abi.encodePacked(r, s, v));
        deliver(deal);
    }

    // ------------------------------------------------------------------------------------------------ limits

    function test_256LegsMayStandOnEitherSide() public {
        uint256[] memory keys = sortedKeys(100, 255);
        Deal memory deal = emptyDeal(1, 255);
        deal.debits[0] = Leg(_who(0), 510);
        for (uint256 i = 0; i < 255; ++i) {
            deal.credits[i] = Leg(vm.addr(keys[i]), 2);
        }
        sign(deal, 0, _keys[0], 0);
        deliver(deal);
        deal = emptyDeal(255, 1);
        for (uint256 i = 0; i < 255; ++i) {
            deal.debits[i] = Leg(vm.addr(keys[i]), 2);
        }
        deal.credits[0] = Leg(person(9), 510);
        signAll(deal, keys, 0);
        deliver(deal);
        assertEq(balance(9), 510, "from one to 255, and on to one");
    }

    /// The whole supply, 2^96 - 1, changes hands at once: no sum on the way needs a bit more than there is.
    function test_theWholeSupplyMovesInOneSettlement() public {
        uint256 half = uint256(1) << 95;
        give(_who(0), half - 1_000);
        give(_who(1), type(uint96).max - half - 2_000);
        assertEq(cash.totalSupply(), type(uint96).max, "supply");
        Deal memory deal = emptyDeal(3, 2);
        (deal.debits[0], deal.debits[1]) = (Leg(_who(0), half), Leg(_who(1), type(uint96).max - half - 1_000));
        deal.debits[2] = Leg(_who(2), 1_000);
        uint256[] memory creditors = sortedKeys(50, 2);
        deal.credits[0] = Leg(vm.addr(creditors[0]), 1);
        deal.credits[1] = Leg(vm.addr(creditors[1]), type(uint96).max - 1);
        signAll(deal, _keys, 0);
        deliver(deal);
        assertEq(cash.balanceOf(deal.credits[1].account), type(uint96).max - 1, "nearly all");
        assertEq(cash.pay(item(creditors[1], vm.addr(creditors[1]), type(uint96).max - 1, 0)), 1, "to oneself");
        assertEq(cash.pay(item(creditors[1], vm.addr(creditors[0]), type(uint96).max - 1, 1)), 1, "all to one");
        assertEq(cash.balanceOf(deal.credits[0].account), type(uint96).max, "all");
    }

    /// A creditor who holds something cannot be credited past the 96 bits, into the nonces beside the balance.
    function test_aCreditNeverReachesTheNonces() public {
        Deal memory deal = dealOf(_who(0), _who(1), 10);
        deal.credits[0].amount = type(uint96).max - 999;
        sign(deal, 0, _keys[0], 0);
        refuse(
            deal,
            abi.encodeWithSelector(
                AccountWord.BalanceOverflow.selector, type(uint96).max - 1_000, type(uint96).max - 999
            )
        );
        deal.credits[0].amount = type(uint96).max - 1_000;
        sign(deal, 0, _keys[0], 0);
        refuse(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 10, uint256(type(uint96).max) - 1_000));
        assertEq(cash.accountState(_who(1)).window, 0, "window");
    }

    // ------------------------------------------------------------------------------------------------ reentrancy

    /// While it is asked for its consent, an account calls the ledger in every way that changes something. All are
    /// refused, and the settlement then goes on as if nothing had been tried.
    function test_anAccountChangesNothingWhileItIsAsked() public {
        address smart = address(new ReentrantAccount(address(cash)));
        give(smart, 1_000);
        Deal memory inner = _plan(0, 1, person(8), 6);
        bytes[] memory calls = new bytes[](6);
        calls[0] = abi.encodeCall(cash.transfer, (person(8), 1));
        calls[1] = abi.encodeCall(cash.approve, (person(8), 1));
        calls[2] = abi.encodeWithSignature("cancelNonces(uint256)", 900);
        calls[3] = abi.encodeCall(cash.pay, (item(_keys[0], person(8), 1, 5)));
        calls[4] = abi.encodeWithSelector(
            IMovements.settle.selector,
            inner.debits,
            inner.credits,
            packed(inner.consents),
            inner.context,
            inner.operator,
            inner.validBefore
        );
        calls[5] = abi.encodeCall(cash.transferFrom, (_who(0), person(8), 0));
        for (uint256 i = 0; i < calls.length; ++i) {
            Deal memory deal = dealOf(smart, person(9), 10);
            deal.consents[0] = SignedConsent(i, calls[i]);
            deliver(deal);
        }
        assertEq(balance(9), 60, "each settlement");
        assertEq(balance(8), 0, "none of the calls");
        assertEq(cash.balanceOf(_who(0)), 1_000, "of others");
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(smart);
            (bool ok,) = address(cash).call(calls[i]);
            assertTrue(ok, "each call is good at another time");
        }
    }

    /// All consents are checked before the first debit: whoever is asked last sees the state of before.
    function test_anAccountThatIsAskedSeesNoHalfOfASettlement() public {
        address smart = address(type(uint160).max - 5);
        vm.etch(smart, address(new WatchingAccount(address(cash), _who(0), 1_000)).code);
        give(smart, 1_000);
        Deal memory deal = emptyDeal(2, 1);
        (deal.debits[0], deal.debits[1]) = (Leg(_who(0), 30), Leg(smart, 40));
        deal.credits[0] = Leg(person(9), 70);
        sign(deal, 0, _keys[0], 5);
        deal.consents[1] = SignedConsent(0, "watch");
        deliver(deal);
        deal.debits[0].amount = 29;
        deal.credits[0].amount = 69;
        sign(deal, 0, _keys[0], 6);
        deal.consents[1] = SignedConsent(1, "watch");
        refuse(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, smart)); // it does look
    }

    // ------------------------------------------------------------------------------------------------ known, and harmless

    /// A caller who gives too little gas hears `InvalidSignature` of a good consent, and nothing else happens.
    function test_tooLittleGasReadsAsABadSignature() public {
        address smart = address(new SlowAccount());
        give(smart, 1_000);
        Deal memory deal = dealOf(smart, person(9), 10);
        deal.consents[0] = SignedConsent(0, "any");
        bytes memory call = abi.encodeWithSelector(
            IMovements.settle.selector,
            deal.debits,
            deal.credits,
            packed(deal.consents),
            deal.context,
            deal.operator,
            deal.validBefore
        );
        (bool ok, bytes memory answer) = address(cash).call{gas: 120_000}(call);
        assertTrue(!ok, "starved");
        assertEq(answer, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, smart), "reason");
        assertEq(cash.balanceOf(smart), 1_000, "balance");
        (ok,) = address(cash).call{gas: 400_000}(call);
        assertTrue(ok, "with gas enough");
    }

    /// ERC-3009 knows used and unused only. A window nonce beyond the reach reads as used until the window comes near.
    function test_aFarWindowNonceReadsAsUsedAndIsNotDead() public {
        assertTrue(cash.authorizationState(_who(0), tagged(1_100)), "far");
        assertEq(cash.pay(item(_keys[0], person(9), 1, 200)), 1, "comes nearer");
        assertTrue(!cash.authorizationState(_who(0), tagged(1_100)), "near");
        assertEq(cash.pay(item(_keys[0], person(9), 1, 1_100)), 1, "good");
    }

    /// As with every ERC-20: anybody makes a `Transfer` of nothing in another's name. No money, nonce or allowance moves.
    function test_aStrangersTransferOfNothingMovesNothing() public {
        listen();
        vm.prank(person(77));
        cash.transferFrom(_who(0), person(9), 0);
        heard(transferLog(_who(0), person(9), 0), allowanceSpentLog(person(77)));
        assertEq(cash.balanceOf(_who(0)), 1_000, "balance");
        assertEq(cash.allowance(_who(0), person(77)), 0, "allowance");
    }

    function test_aFrozenIssuerMintsForOthers() public {
        freeze(ISSUER);
        give(person(9), 5);
        assertEq(balance(9), 5, "minted");
    }

    /// Two histories with the same `Transfer`s before their `Settled`: a transfer and a settlement, or one settlement of
    /// both. Only the legs that hash to the settlement's hash tell them apart.
    function test_transfersAloneDoNotTellWhichTheSettlementCovers() public {
        uint256[] memory creditors = sortedKeys(50, 2);
        (address low, address high) = (vm.addr(creditors[0]), vm.addr(creditors[1]));
        Deal memory part = dealOf(_who(0), high, 10);
        sign(part, 0, _keys[0], 0);
        listen();
        vm.prank(_who(0));
        cash.transfer(low, 5);
        deliver(part);
        Vm.Log[] memory apart = vm.getRecordedLogs();
        Deal memory whole = emptyDeal(1, 2);
        whole.debits[0] = Leg(_who(0), 15);
        (whole.credits[0], whole.credits[1]) = (Leg(low, 5), Leg(high, 10));
        sign(whole, 0, _keys[0], 1);
        listen();
        deliver(whole);
        Vm.Log[] memory together = vm.getRecordedLogs();
        assertEq(apart.length, together.length, "number");
        for (uint256 i = 0; i < 2; ++i) {
            assertEq(
                abi.encode(apart[i].topics, apart[i].data), abi.encode(together[i].topics, together[i].data), "same"
            );
        }
        assertEq(apart[2].topics[1], hashOf(part), "the part's hash");
        assertEq(together[2].topics[1], hashOf(whole), "the whole's hash");
    }
}
