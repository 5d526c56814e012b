// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {AccountWord} from "../src/Account.sol";
import {ICashFacts, IMovements, Leg} from "../src/ICash.sol";
import {SignedConsent} from "./Base.sol";
import {Deal, Deals} from "./Deals.sol";

/// A leg whose account may have anything in its upper bytes.
struct DirtyLeg {
    uint256 account;
    uint256 amount;
}

/// Settlements that are refused: all legs or none.
contract SettleRefusalsTest is Deals {
    uint256[] private _keys;

    /// Two debtors with 1,000 each (50 + 30 here), two creditors (60 + 20), signed with nonce 5.
    function setUp() public override {
        super.setUp();
        _keys = sortedKeys(0, 2);
        Deal memory deal = _unsigned();
        give(deal.debits[0].account, 1_000);
        give(deal.debits[1].account, 1_000);
    }

    function _unsigned() private view returns (Deal memory deal) {
        deal = emptyDeal(2, 2);
        uint256[] memory creditors = sortedKeys(2, 2);
        deal.debits[0] = Leg(vm.addr(_keys[0]), 50);
        deal.debits[1] = Leg(vm.addr(_keys[1]), 30);
        deal.credits[0] = Leg(vm.addr(creditors[0]), 60);
        deal.credits[1] = Leg(vm.addr(creditors[1]), 20);
    }

    function _signed() private view returns (Deal memory deal) {
        deal = _unsigned();
        signAll(deal, _keys, 5);
    }

    /// The deal, signed as it is by the two debtors, is refused, and nobody's word has changed.
    function _refused(Deal memory deal, bytes memory reason) private {
        if (deal.debits.length == 2) signAll(deal, _keys, 5);
        _refusedUnsigned(deal, reason);
    }

    function _refusedUnsigned(Deal memory deal, bytes memory reason) private {
        bytes memory before = _states();
        refuse(deal, reason);
        assertEq(_states(), before, "all legs or none");
    }

    function _states() private view returns (bytes memory states) {
        for (uint256 i = 0; i < 4; ++i) {
            states = abi.encodePacked(states, abi.encode(cash.accountState(person(i))));
        }
    }

    function test_theDealThatTheseTestsSpoilIsGood() public {
        deliver(_signed());
        assertEq(cash.balanceOf(_unsigned().credits[0].account), 60, "creditor");
    }

    // ------------------------------------------------------------------------------------------------ form

    function test_aSettlementWithoutDebitsIsRefused() public {
        Deal memory deal = _unsigned();
        deal.debits = new Leg[](0);
        deal.consents = new SignedConsent[](0);
        _refused(deal, abi.encodeWithSelector(ICashFacts.EmptySettlement.selector));
        deal.credits = new Leg[](0);
        _refused(deal, abi.encodeWithSelector(ICashFacts.EmptySettlement.selector));
    }

    function test_aSettlementWithoutCreditsIsRefused() public {
        Deal memory deal = _unsigned();
        deal.credits = new Leg[](0);
        _refused(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 80, 0));
    }

    function test_legsWithoutAnAmountAreRefused() public {
        Deal memory deal = _unsigned();
        deal.debits[1].amount = 0;
        _refused(deal, abi.encodeWithSelector(ICashFacts.EmptyLeg.selector, deal.debits[1].account));
        deal = _unsigned();
        deal.credits[0].amount = 0;
        _refused(deal, abi.encodeWithSelector(ICashFacts.EmptyLeg.selector, deal.credits[0].account));
    }

    function test_debitsOutOfOrderAreRefused() public {
        Deal memory deal = _unsigned();
        (deal.debits[0], deal.debits[1]) = (deal.debits[1], deal.debits[0]);
        (address first, address second) = (deal.debits[0].account, deal.debits[1].account);
        (_keys[0], _keys[1]) = (_keys[1], _keys[0]);
        _refused(deal, abi.encodeWithSelector(ICashFacts.LegsNotAscending.selector, first, second));
    }

    function test_creditsOutOfOrderAreRefused() public {
        Deal memory deal = _unsigned();
        (deal.credits[0], deal.credits[1]) = (deal.credits[1], deal.credits[0]);
        (address first, address second) = (deal.credits[0].account, deal.credits[1].account);
        _refused(deal, abi.encodeWithSelector(ICashFacts.LegsNotAscending.selector, first, second));
    }

    function test_anAccountTwiceOnOneSideIsRefused() public {
        Deal memory deal = _unsigned();
        deal.debits[1].account = deal.debits[0].account;
        _keys[1] = _keys[0];
        address twice = deal.debits[0].account;
        _refused(deal, abi.encodeWithSelector(ICashFacts.LegsNotAscending.selector, twice, twice));
        _keys = sortedKeys(0, 2);
        deal = _unsigned();
        deal.credits[1].account = deal.credits[0].account;
        twice = deal.credits[0].account;
        _refused(deal, abi.encodeWithSelector(ICashFacts.LegsNotAscending.selector, twice, twice));
    }

    function test_nobodyIsOnASide() public {
        Deal memory deal = _unsigned();
        deal.debits[0].account = address(0);
        _refused(deal, abi.encodeWithSelector(ICashFacts.LegsNotAscending.selector, address(0), address(0)));
        deal = _unsigned();
        deal.credits[0].account = address(0);
        _refused(deal, abi.encodeWithSelector(ICashFacts.LegsNotAscending.selector, address(0), address(0)));
    }

    /// Otherwise a debtor could spend what the same settlement brings in.
    function test_anAccountOnBothSidesIsRefused() public {
        for (uint256 i = 0; i < 2; ++i) {
            Deal memory deal = _unsigned();
            address both = deal.debits[i].account;
            (address low, address high) = (address(1), address(type(uint160).max));
            (deal.credits[0].account, deal.credits[1].account) = (both, high);
            _refused(deal, abi.encodeWithSelector(ICashFacts.LegOnBothSides.selector, both));
            (deal.credits[0].account, deal.credits[1].account) = (low, both);
            _refused(deal, abi.encodeWithSelector(ICashFacts.LegOnBothSides.selector, both));
        }
    }

    function test_moreThan256LegsAreRefused() public {
        Deal memory deal = _unsigned();
        deal.credits = new Leg[](255);
        for (uint256 i = 0; i < 255; ++i) {
            deal.credits[i] = Leg(address(uint160(i + 1)), 1);
        }
        _refused(deal, abi.encodeWithSelector(ICashFacts.TooManyLegs.selector, 257, 256));
        deal = emptyDeal(256, 1);
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.TooManyLegs.selector, 257, 256));
    }

    /// One address leg with dirt in its upper bytes, wherever it stands, and a dirty operator.
    function testFuzz_dirtyAddressesAreRefused(uint96 dirt, uint256 which) public {
        vm.assume(dirt != 0);
        Deal memory deal = _signed();
        DirtyLeg[] memory debits = _dirtyLegs(deal.debits);
        DirtyLeg[] memory credits = _dirtyLegs(deal.credits);
        uint256 operator = 0;
        which = which % 5;
        if (which < 2) debits[which].account |= uint256(dirt) << 160;
        else if (which < 4) credits[which - 2].account |= uint256(dirt) << 160;
        else operator = uint256(dirt) << 160;
        vm.prank(RELAYER);
        (bool ok,) = address(cash)
            .call(
                abi.encodeWithSelector(
                    IMovements.settle.selector, debits, credits, packed(deal.consents), deal.context, operator, BEFORE
                )
            );
        assertTrue(!ok, "dirty");
    }

    function _dirtyLegs(Leg[] memory legs) private pure returns (DirtyLeg[] memory dirty) {
        dirty = new DirtyLeg[](legs.length);
        for (uint256 i = 0; i < legs.length; ++i) {
            dirty[i] = DirtyLeg(uint160(legs[i].account), legs[i].amount);
        }
    }

    // ------------------------------------------------------------------------------------------------ sums

    function test_sumsThatDifferAreRefused() public {
        Deal memory deal = _unsigned();
        deal.credits[1].amount = 19;
        _refused(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 80, 79));
        deal.credits[1].amount = 21;
        _refused(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 80, 81));
        (deal.credits[0].amount, deal.credits[1].amount) = (25, 25); // the first debit fills both
        _refused(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 80, 50));
    }

    function testFuzz_sumsThatDifferAreRefused(uint256 first, uint256 second) public {
        (first, second) = (bound(first, 1, 1_000), bound(second, 1, 1_000));
        vm.assume(first + second != 80);
        Deal memory deal = _unsigned();
        (deal.credits[0].amount, deal.credits[1].amount) = (first, second);
        _refused(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 80, first + second));
    }

    function test_creditsThatWrapAroundAreRefused() public {
        Deal memory deal = _unsigned();
        // 2^256 - 20 + 100 is 80 for a machine that forgets to carry.
        (deal.credits[0].amount, deal.credits[1].amount) = (type(uint256).max - 19, 100);
        _refused(
            deal, abi.encodeWithSelector(AccountWord.BalanceOverflow.selector, type(uint96).max, type(uint256).max - 19)
        );
        (deal.credits[0].amount, deal.credits[1].amount) = (100, type(uint256).max - 19);
        _refused(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 80, type(uint256).max));
        (deal.credits[0].amount, deal.credits[1].amount) = (uint256(1) << 96, 80);
        _refused(deal, abi.encodeWithSelector(AccountWord.BalanceOverflow.selector, type(uint96).max, 1 << 96));
        (deal.credits[0].amount, deal.credits[1].amount) = (type(uint96).max, type(uint96).max);
        _refused(deal, abi.encodeWithSelector(ICashFacts.SumsDiffer.selector, 80, 2 * uint256(type(uint96).max)));
    }

    function test_debitsThatWrapAroundAreRefused() public {
        Deal memory deal = _unsigned();
        (address first, address second) = (deal.debits[0].account, deal.debits[1].account);
        (deal.debits[0].amount, deal.debits[1].amount) = (type(uint256).max - 19, 100);
        _refused(
            deal,
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, first, 1_000, type(uint256).max - 19)
        );
        (deal.debits[0].amount, deal.debits[1].amount) = (100, uint256(1) << 96);
        _refused(deal, abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, second, 1_000, 1 << 96));
    }

    function test_aDebtorWithTooLittleIsRefused() public {
        Deal memory deal = _unsigned();
        deal.debits[1].amount = 1_001;
        deal.credits[0].amount = 1_031;
        _refused(
            deal,
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, deal.debits[1].account, 1_000, 1_001)
        );
    }

    // ------------------------------------------------------------------------------------------------ time, caller, people

    function test_aSettlementIsRefusedFromItsLastSecondOn() public {
        Deal memory deal = _signed();
        vm.warp(BEFORE);
        _refused(deal, abi.encodeWithSelector(ICashFacts.Expired.selector, BEFORE, BEFORE));
        vm.warp(BEFORE + 9);
        _refused(deal, abi.encodeWithSelector(ICashFacts.Expired.selector, BEFORE, BEFORE + 9));
    }

    function test_onlyTheOperatorMayDeliver() public {
        Deal memory deal = _unsigned();
        deal.operator = person(9);
        _refused(deal, abi.encodeWithSelector(ICashFacts.WrongOperator.selector, RELAYER, person(9)));
        deliver(deal, person(9));
    }

    function test_frozenPeopleAreRefused() public {
        Deal memory deal = _unsigned();
        address[3] memory people = [deal.debits[1].account, deal.credits[0].account, deal.credits[1].account];
        for (uint256 i = 0; i < people.length; ++i) {
            freeze(people[i]);
            _refused(deal, abi.encodeWithSelector(ICashFacts.AccountFrozen.selector, people[i]));
            vm.prank(OFFICER);
            cash.unfreeze(people[i], "released");
        }
        deliver(_signed());
    }

    function test_theLedgerIsNoCreditorAndNoDebtor() public {
        Deal memory deal = dealOf(vm.addr(_keys[0]), address(cash), 10);
        sign(deal, 0, _keys[0], 5);
        _refused(deal, abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(cash)));
        deal = dealOf(address(cash), person(9), 10);
        sign(deal, 0, _keys[0], 5);
        _refused(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, address(cash)));
    }

    function test_aPausedLedgerSettlesNothing() public {
        pause();
        _refused(_signed(), abi.encodeWithSelector(ICashFacts.MovementPaused.selector));
    }

    // ------------------------------------------------------------------------------------------------ consents

    function test_eachDebtorMustConsent() public {
        Deal memory deal = _signed();
        bytes memory both = packed(deal.consents);
        _refusedPacked(deal, "");
        deal.consents = _firstOf(deal.consents, 1);
        _refusedPacked(deal, packed(deal.consents));
        _refusedPacked(deal, abi.encodePacked(both, packed(deal.consents)));
    }

    function _firstOf(SignedConsent[] memory consents, uint256 count)
        private
        pure
        returns (SignedConsent[] memory first)
    {
        first = new SignedConsent[](count);
        for (uint256 i = 0; i < count; ++i) {
            first[i] = consents[i];
        }
    }

    /// Cut at every byte, with a byte more, with another form's number, and with a size that is one too large.
    function test_consentsAreReadToTheByte() public {
        Deal memory deal = _signed();
        bytes memory good = packed(deal.consents);
        assertTrue(good[0] == 0x01 && good[100] == 0x00, "the first is long, the second short");
        for (uint256 length = 0; length < good.length; ++length) {
            _refusedPacked(deal, _cut(good, length));
        }
        _refusedPacked(deal, abi.encodePacked(good, uint8(0)));
        good[100] = 0x02;
        _refusedPacked(deal, good);
        good[100] = 0x00;
        good[0] = 0x03;
        _refusedPacked(deal, good);
        good[0] = 0x01;
        good[33] = 0xff;
        _refusedPacked(deal, good);
    }

    function _cut(bytes memory whole, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = whole[i];
        }
    }

    function _refusedPacked(Deal memory deal, bytes memory consents) private {
        vm.prank(RELAYER);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.MalformedConsents.selector, consents.length));
        cash.settle(deal.debits, deal.credits, consents, deal.context, deal.operator, deal.validBefore);
    }

    function test_noDebtorConsentsForAnother() public {
        Deal memory deal = _signed();
        deal.consents[1] = deal.consents[0];
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, deal.debits[1].account));
        deal = _signed();
        deal.consents[0].signature = "";
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, deal.debits[0].account));
    }

    function test_aConsentNamesItsNonce() public {
        Deal memory deal = _signed();
        deal.consents[1].nonce = 6;
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, deal.debits[1].account));
    }

    /// Consents to a settlement are good for no other, whichever field differs.
    function test_aConsentNamesTheWholeSettlement() public {
        bytes memory reason = abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, vm.addr(_keys[0]));
        Deal memory deal = _signed();
        deal.context = keccak256("another root");
        _refusedUnsigned(deal, reason);
        deal = _signed();
        deal.validBefore = BEFORE + 1;
        _refusedUnsigned(deal, reason);
        deal = _signed();
        deal.operator = RELAYER;
        _refusedUnsigned(deal, reason);
        deal = _signed();
        (deal.debits[0].amount, deal.debits[1].amount) = (49, 31);
        _refusedUnsigned(deal, reason);
        deal = _signed();
        (deal.credits[0].amount, deal.credits[1].amount) = (61, 19);
        _refusedUnsigned(deal, reason);
        deal = _signed();
        deal.credits[1].account = address(type(uint160).max);
        _refusedUnsigned(deal, reason);
        deal = _signed();
        deal.debits[1].account = address(type(uint160).max);
        _refusedUnsigned(deal, reason);
    }

    function test_aSettlementIsNoConsent() public {
        Deal memory deal = _signed();
        deal.consents[0].signature = signed(_keys[0], hashOf(deal));
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, deal.debits[0].account));
    }

    // ------------------------------------------------------------------------------------------------ nonces

    function test_aSettlementIsCarriedOutOnce() public {
        Deal memory deal = _signed();
        deliver(deal);
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, deal.debits[0].account, 5));
    }

    function test_aNonceThatIsGoneRefusesTheWholeSettlement() public {
        Deal memory deal = _signed();
        address second = deal.debits[1].account;
        vm.prank(second);
        cash.cancelNonces(6);
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, second, 5));
        sign(deal, 1, _keys[1], 6);
        deliver(deal);
    }

    function test_aPaymentUsesTheNonceOfAConsent() public {
        Deal memory deal = _signed();
        address first = deal.debits[0].account;
        assertEq(cash.pay(item(_keys[0], person(9), 1, 5)), 1, "paid");
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, first, 5));
    }

    function test_farTaggedAndUsedWideNoncesAreRefused() public {
        Deal memory deal = _signed();
        address second = deal.debits[1].account;
        uint256[2] memory nonces = [uint256(1_088), uint256(tagged(7))];
        for (uint256 i = 0; i < nonces.length; ++i) {
            sign(deal, 1, _keys[1], nonces[i]);
            _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, second, nonces[i]));
        }
        assertEq(cash.payWide(wideItem(_keys[1], person(9), 1, 2 ** 90)), 1, "paid");
        sign(deal, 1, _keys[1], 2 ** 90);
        _refusedUnsigned(deal, abi.encodeWithSelector(ICashFacts.NonceUnavailable.selector, second, 2 ** 90));
        assertTrue(cash.isNonceAvailable(deal.debits[0].account, 5), "the first debtor's nonce is not used up");
    }
}
