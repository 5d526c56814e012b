// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Account} from "../src/Account.sol";
import {AccountState, ICash, ICashFacts, SkipReason} from "../src/ICash.sol";
import {Vm} from "./Base.sol";
import {Events} from "./Events.sol";

/// `pay` and `payWide`: what good items do, alone and together. What bad ones do is in PaySkips.t.sol.
contract PayTest is Events {
    address private _ana;
    address private _bo;
    address private _cy;

    function setUp() public override {
        super.setUp();
        (_ana, _bo, _cy) = (person(0), person(1), person(2));
        give(_ana, 1_000);
    }

    function _refOf(uint256 privateKey, uint256 nonce) private pure returns (bytes32) {
        return keccak256(abi.encode(privateKey, nonce));
    }

    function _pay(bytes memory items) private returns (uint256 paid) {
        vm.prank(RELAYER);
        return cash.pay(items);
    }

    function _payWide(bytes memory items) private returns (uint256 paid) {
        vm.prank(RELAYER);
        return cash.payWide(items);
    }

    // ------------------------------------------------------------------------------------------------ one item

    function test_aGoodItemIsPaidAndSaysSo() public {
        bytes memory items = item(key(0), _bo, 300, "lunch", 5, BEFORE);
        listen();
        assertEq(_pay(items), 1, "paid");
        heard(transferLog(_ana, _bo, 300), paidLog("lunch", 5));
        AccountState memory state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(700, 1 << 5, 0, 0, false)), "payer");
        state = cash.accountState(_bo);
        assertEq(abi.encode(state), abi.encode(AccountState(300, 0, 0, 0, false)), "payee");
        assertEq(cash.totalSupply(), 1_000, "supply");
    }

    function test_aGoodWideItemIsPaidAndSaysSo() public {
        uint256 nonce = uint256(keccak256("wide"));
        bytes memory items = wideItem(key(0), _bo, 300, nonce);
        assertTrue(cash.isNonceAvailable(_ana, nonce), "available before");
        listen();
        assertEq(_payWide(items), 1, "paid");
        heard(transferLog(_ana, _bo, 300), paidLog(_refOf(key(0), nonce), nonce));
        assertTrue(!cash.isNonceAvailable(_ana, nonce), "available afterwards");
        assertTrue(cash.isNonceAvailable(_ana, nonce ^ 1), "the neighbour");
        assertTrue(cash.isNonceAvailable(_bo, nonce), "the payee's");
        AccountState memory state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(700, 0, 0, 0, false)), "the window is untouched");
    }

    function test_theFirstWideNonceAndTheLastWindowNonceAreTold() public {
        place(_ana, _word(1_000, 2 ** 56 - 64));
        assertEq(_payWide(wideItem(key(0), _bo, 1, 2 ** 56 - 1)), 1, "the last window nonce");
        assertEq(cash.accountState(_ana).window, 1 << 63, "is in the window");
        assertEq(_payWide(wideItem(key(0), _bo, 1, 2 ** 56)), 1, "the first wide nonce");
        assertEq(cash.accountState(_ana).window, 1 << 63, "is not");
        assertEq(_payWide(wideItem(key(0), _bo, 1, type(uint256).max)), 1, "the last wide nonce");
    }

    function test_aPaymentToOneselfUsesTheNonceOnly() public {
        bytes memory items = item(key(0), _ana, 1_000, 0);
        listen();
        assertEq(_pay(items), 1, "paid");
        heard(transferLog(_ana, _ana, 1_000), paidLog(_refOf(key(0), 0), 0));
        AccountState memory state = cash.accountState(_ana);
        assertEq(abi.encode(state), abi.encode(AccountState(1_000, 1, 0, 0, false)), "account");
        assertEq(_payWide(wideItem(key(0), _ana, 1_000, 2 ** 60)), 1, "a wide one too");
        assertEq(cash.balanceOf(_ana), 1_000, "balance");
    }

    function test_anEmptyAccountCanPayNothing() public {
        bytes memory items = item(key(1), _ana, 0, 9);
        listen();
        assertEq(_pay(items), 1, "paid");
        heard(transferLog(_bo, _ana, 0), paidLog(_refOf(key(1), 9), 9));
    }

    function test_everyFieldMayBeAtItsLimit() public {
        give(_ana, type(uint96).max - 1_000);
        bytes memory items = item(key(0), _bo, type(uint96).max, bytes32(type(uint256).max), 1_087, 2 ** 40 - 1);
        vm.warp(2 ** 40 - 2);
        assertEq(_pay(items), 1, "paid");
        assertEq(cash.balanceOf(_bo), type(uint96).max, "payee");
        assertEq(cash.accountState(_ana).windowBase, 1_024, "base");
    }

    function test_theValueFieldHasAllItsBits() public {
        place(_ana, _word(type(uint96).max, 0));
        uint256 value = uint256(1) << 95;
        assertEq(_pay(item(key(0), _bo, value, 0)), 1, "paid");
        assertEq(cash.balanceOf(_bo), value, "payee");
        assertEq(cash.balanceOf(_ana), type(uint96).max - value, "payer");
    }

    function test_anyoneMayDeliverAnItem() public {
        bytes memory items = item(key(0), _bo, 300, 5);
        vm.prank(person(77));
        assertEq(cash.pay(items), 1, "paid");
        assertEq(cash.balanceOf(_bo), 300, "payee");
    }

    function test_anAccountWithDelegatedCodePaysWithItsKey() public {
        vm.etch(_ana, abi.encodePacked(hex"ef0100", address(cash)));
        assertEq(_pay(item(key(0), _bo, 300, 5)), 1, "paid");
    }

    // ------------------------------------------------------------------------------------------------ many items

    function test_aBatchOfNothingIsPaid() public {
        listen();
        assertEq(_pay(""), 0, "window items");
        assertEq(_payWide(""), 0, "wide items");
        heardNothing();
    }

    function test_aBatchIsPaidInItsOrder() public {
        bytes memory items =
            abi.encodePacked(item(key(0), _bo, 10, 2), item(key(1), _cy, 5, 0), item(key(0), _cy, 20, 1));
        Vm.Log[] memory logs = new Vm.Log[](6);
        (logs[0], logs[1]) = (transferLog(_ana, _bo, 10), paidLog(_refOf(key(0), 2), 2));
        (logs[2], logs[3]) = (transferLog(_bo, _cy, 5), paidLog(_refOf(key(1), 0), 0));
        (logs[4], logs[5]) = (transferLog(_ana, _cy, 20), paidLog(_refOf(key(0), 1), 1));
        listen();
        assertEq(_pay(items), 3, "paid");
        heard(logs);
        assertEq(cash.balanceOf(_ana), 970, "first payer");
        assertEq(cash.balanceOf(_bo), 5, "money that came in earlier in the batch can go out");
        assertEq(cash.balanceOf(_cy), 25, "payee");
    }

    function test_aBadItemDoesNotStopTheOthers() public {
        bytes memory items = abi.encodePacked(
            item(key(1), _cy, 1, 0), item(key(0), _bo, 10, 0), item(key(0), _bo, 10, 0), item(key(0), _cy, 20, 1)
        );
        Vm.Log[] memory logs = new Vm.Log[](6);
        logs[0] = skippedLog(_bo, 0, SkipReason.InsufficientBalance);
        (logs[1], logs[2]) = (transferLog(_ana, _bo, 10), paidLog(_refOf(key(0), 0), 0));
        logs[3] = skippedLog(_ana, 0, SkipReason.NonceUnavailable);
        (logs[4], logs[5]) = (transferLog(_ana, _cy, 20), paidLog(_refOf(key(0), 1), 1));
        listen();
        assertEq(_pay(items), 2, "paid");
        heard(logs);
        assertTrue(cash.isNonceAvailable(_bo, 0), "the skipped nonce");
    }

    function test_theSameItemTwiceInOneBatchIsPaidOnce() public {
        bytes memory one = item(key(0), _bo, 10, 4);
        bytes memory items = abi.encodePacked(one, one);
        listen();
        assertEq(_pay(items), 1, "paid");
        heard(
            transferLog(_ana, _bo, 10), paidLog(_refOf(key(0), 4), 4), skippedLog(_ana, 4, SkipReason.NonceUnavailable)
        );
        one = wideItem(key(0), _bo, 10, 2 ** 200);
        assertEq(_payWide(abi.encodePacked(one, one)), 1, "paid wide");
        assertEq(cash.balanceOf(_bo), 20, "payee");
    }

    function test_aCopiedItemIsSkippedOnceExecuted() public {
        bytes memory ours = abi.encodePacked(item(key(0), _bo, 10, 4), item(key(0), _bo, 7, 5));
        bytes memory copied = item(key(0), _bo, 10, 4);
        vm.prank(person(77));
        assertEq(cash.pay(copied), 1, "the stranger");
        listen();
        assertEq(_pay(ours), 1, "we");
        heard(
            skippedLog(_ana, 4, SkipReason.NonceUnavailable), transferLog(_ana, _bo, 7), paidLog(_refOf(key(0), 5), 5)
        );
        assertEq(cash.balanceOf(_bo), 17, "each once");
    }

    function test_aPayerEmptiedBeforeTheBatchCanStillPayLater() public {
        bytes memory items = item(key(0), _bo, 10, 4);
        vm.prank(_ana);
        cash.transfer(_cy, 1_000);
        listen();
        assertEq(_pay(items), 0, "emptied");
        heard(skippedLog(_ana, 4, SkipReason.InsufficientBalance));
        give(_ana, 10);
        assertEq(_pay(items), 1, "filled again");
    }

    function test_oneWindowNonceIsOneNonceInBothForms() public {
        assertEq(_pay(item(key(0), _bo, 10, 4)), 1, "short form");
        assertEq(_payWide(wideItem(key(0), _bo, 10, 4)), 0, "wide form afterwards");
        assertEq(_payWide(wideItem(key(0), _bo, 10, 5)), 1, "wide form");
        assertEq(_pay(item(key(0), _bo, 10, 5)), 0, "short form afterwards");
    }

    function test_itemsOutOfOrderArePaidWithinTheWindow() public {
        bytes memory items = abi.encodePacked(
            item(key(0), _bo, 1, 70), item(key(0), _bo, 1, 6), item(key(0), _bo, 1, 7), item(key(0), _bo, 1, 69)
        );
        assertEq(_pay(items), 3, "paid");
        AccountState memory state = cash.accountState(_ana);
        assertEq(state.windowBase, 7, "base");
        assertEq(state.window, (1 << 63) | (1 << 62) | 1, "window");
    }

    function test_wideNoncesArePaidInAnyOrderAndDistance() public {
        uint256[5] memory nonces = [type(uint256).max, 2 ** 56, 2 ** 200 + 255, 2 ** 200 + 256, 2 ** 200];
        for (uint256 i = 0; i < nonces.length; ++i) {
            assertEq(_payWide(wideItem(key(0), _bo, 1, nonces[i])), 1, "once");
        }
        for (uint256 i = 0; i < nonces.length; ++i) {
            assertEq(_payWide(wideItem(key(0), _bo, 1, nonces[i])), 0, "not twice");
        }
        assertEq(cash.balanceOf(_bo), 5, "payee");
    }

    // ------------------------------------------------------------------------------------------------ lengths

    function testFuzz_otherLengthsAreMalformed(uint256 length) public {
        bytes memory items = new bytes(bound(length, 1, 1_000));
        if (items.length % 160 != 0) {
            vm.expectRevert(abi.encodeWithSelector(ICashFacts.MalformedItems.selector, items.length, 160));
            cash.pay(items);
        }
        if (items.length % 185 != 0) {
            vm.expectRevert(abi.encodeWithSelector(ICashFacts.MalformedItems.selector, items.length, 185));
            cash.payWide(items);
        }
    }

    function test_aWideItemIsNoShortItem() public {
        bytes memory wide = wideItem(key(0), _bo, 10, 4);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.MalformedItems.selector, 185, 160));
        cash.pay(wide);
        bytes memory short = item(key(0), _bo, 10, 4);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.MalformedItems.selector, 160, 185));
        cash.payWide(short);
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.MalformedItems.selector, 321, 160));
        cash.pay(abi.encodePacked(short, short, hex"00"));
        assertEq(cash.balanceOf(_ana), 1_000, "nothing moved");
    }

    // ------------------------------------------------------------------------------------------------ fuzz

    /// Each of an item's bits in turn.
    function test_noBitOfAnItemCanBeChanged() public {
        give(_bo, 1_000);
        bytes memory short = item(key(0), _bo, 300, 5);
        bytes memory wide = wideItem(key(0), _bo, 300, 5);
        for (uint256 i = 0; i < wide.length * 8; ++i) {
            bytes1 bit = bytes1(uint8(1 << (i % 8)));
            wide[i / 8] ^= bit;
            assertEq(cash.payWide(wide), 0, "wide");
            wide[i / 8] ^= bit;
            if (i / 8 >= short.length) continue;
            short[i / 8] ^= bit;
            assertEq(cash.pay(short), 0, "short");
            short[i / 8] ^= bit;
        }
        assertEq(cash.balanceOf(_ana), 1_000, "payer");
        assertEq(cash.balanceOf(_bo), 1_000, "payee");
        assertEq(cash.pay(short), 1, "unchanged");
    }

    /// The good ones of a random batch move money, the others nothing, and the sum stays.
    function testFuzz_aBatchConservesMoney(uint256[8] memory seeds, bool isWide) public {
        uint256[4] memory expected = [uint256(1_000), 500, 0, 7];
        give(_bo, 500);
        give(person(3), 7);
        bytes memory items;
        uint256 good = 0;
        for (uint256 i = 0; i < seeds.length; ++i) {
            (uint256 from, uint256 to) = (seeds[i] % 4, (seeds[i] >> 8) % 4);
            uint256 value = bound(seeds[i] >> 16, 0, 600);
            bool isForged = seeds[i] >> 254 == 0;
            bytes memory next =
                isWide ? wideItem(key(from), person(to), value, i) : item(key(from), person(to), value, i);
            if (isForged) next[next.length - 40] ^= 0x01;
            items = abi.encodePacked(items, next);
            if (isForged || value > expected[from]) continue;
            ++good;
            expected[from] -= value;
            expected[to] += value;
        }
        assertEq(isWide ? _payWide(items) : _pay(items), good, "paid");
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(balance(i), expected[i], "balance");
        }
        assertEq(balance(0) + balance(1) + balance(2) + balance(3), cash.totalSupply(), "sum");
    }

    /// A word with a balance and an untouched window that begins at `base`.
    function _word(uint256 bal, uint256 base) private pure returns (Account) {
        return Account.wrap(bal | (base << 160));
    }
}
