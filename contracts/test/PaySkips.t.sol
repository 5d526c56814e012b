// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {SkipReason} from "../src/ICash.sol";
import {Events} from "./Events.sol";
import {CredulousAccount} from "./SmartAccounts.sol";

/// Each reason for which `pay` leaves an item out; such an item changes nothing.
contract PaySkipsTest is Events {
    address private _ana;
    address private _bo;

    function setUp() public override {
        super.setUp();
        (_ana, _bo) = (person(0), person(1));
        give(_ana, 1_000);
        give(_bo, 50);
    }

    /// The item is skipped for this reason, and neither side has changed.
    function _skipped(bytes memory items, uint256 nonce, SkipReason reason) private {
        address payer = address(bytes20(items));
        bytes memory before = abi.encode(cash.accountState(payer), cash.accountState(_ana), cash.accountState(_bo));
        listen();
        vm.prank(RELAYER);
        assertEq(items.length == 160 ? cash.pay(items) : cash.payWide(items), 0, "paid");
        heard(skippedLog(payer, nonce, reason));
        assertEq(
            abi.encode(cash.accountState(payer), cash.accountState(_ana), cash.accountState(_bo)), before, "changed"
        );
    }

    /// An item with any fields and any signature.
    function _packed(address from, address to, uint256 value, uint256 nonce, bytes memory signature)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(from, to, uint96(value), bytes32("ref"), uint56(nonce), uint40(BEFORE), signature);
    }

    function _hash(address from, address to, uint256 value, uint256 nonce) private pure returns (bytes32) {
        return Documents.payment(from, to, value, "ref", nonce, BEFORE);
    }

    function test_theReasonsKeepTheirNumbers() public pure {
        assertEq(uint8(SkipReason.None), 0, "None");
        assertEq(uint8(SkipReason.Expired), 1, "Expired");
        assertEq(uint8(SkipReason.NonceUnavailable), 2, "NonceUnavailable");
        assertEq(uint8(SkipReason.InvalidPayee), 3, "InvalidPayee");
        assertEq(uint8(SkipReason.PayerFrozen), 4, "PayerFrozen");
        assertEq(uint8(SkipReason.PayeeFrozen), 5, "PayeeFrozen");
        assertEq(uint8(SkipReason.InsufficientBalance), 6, "InsufficientBalance");
        assertEq(uint8(SkipReason.InvalidSignature), 7, "InvalidSignature");
        assertEq(uint8(type(SkipReason).max), 7, "the last");
    }

    // ------------------------------------------------------------------------------------------------ time

    function test_anItemIsSkippedFromItsLastSecondOn() public {
        bytes memory items = item(key(0), _bo, 10, 4);
        bytes memory other = item(key(0), _bo, 10, 5);
        vm.warp(BEFORE - 1);
        assertEq(cash.pay(other), 1, "one second before");
        vm.warp(BEFORE);
        _skipped(items, 4, SkipReason.Expired);
        vm.warp(BEFORE + 365 days);
        _skipped(items, 4, SkipReason.Expired);
    }

    function test_anItemWithoutAnEndIsSkipped() public {
        _skipped(item(key(0), _bo, 10, "ref", 4, 0), 4, SkipReason.Expired);
    }

    // ------------------------------------------------------------------------------------------------ nonce

    function test_usedDeadAndFarNoncesAreSkipped() public {
        assertEq(cash.pay(item(key(0), _bo, 1, 100)), 1, "slides the base to 37");
        _skipped(item(key(0), _bo, 10, 100), 100, SkipReason.NonceUnavailable);
        _skipped(item(key(0), _bo, 10, 36), 36, SkipReason.NonceUnavailable);
        _skipped(item(key(0), _bo, 10, 37 + 1_088), 37 + 1_088, SkipReason.NonceUnavailable);
        _skipped(item(key(0), _bo, 10, 2 ** 56 - 1), 2 ** 56 - 1, SkipReason.NonceUnavailable);
        assertEq(cash.pay(item(key(0), _bo, 10, 37)), 1, "the base itself");
    }

    function test_aCanceledNonceIsSkipped() public {
        vm.prank(_ana);
        cash.cancelNonces(8);
        _skipped(item(key(0), _bo, 10, 7), 7, SkipReason.NonceUnavailable);
        assertEq(cash.pay(item(key(0), _bo, 10, 8)), 1, "the first that was not cancelled");
    }

    function test_aUsedWideNonceIsSkipped() public {
        assertEq(cash.payWide(wideItem(key(0), _bo, 1, 2 ** 77)), 1, "once");
        _skipped(wideItem(key(0), _bo, 1, 2 ** 77), 2 ** 77, SkipReason.NonceUnavailable);
    }

    function testFuzz_aTaggedNonceIsNeverGoodInAPayment(uint56 low) public {
        uint256 nonce = uint256(tagged(low));
        assertTrue(!cash.isNonceAvailable(_ana, nonce), "available");
        _skipped(wideItem(key(0), _bo, 1, nonce), nonce, SkipReason.NonceUnavailable);
    }

    // ------------------------------------------------------------------------------------------------ people

    function test_nobodyAndTheLedgerAreNoPayees() public {
        _skipped(item(key(0), address(0), 10, 4), 4, SkipReason.InvalidPayee);
        _skipped(item(key(0), address(cash), 10, 4), 4, SkipReason.InvalidPayee);
    }

    function test_aFrozenPayerIsSkipped() public {
        freeze(_ana);
        _skipped(item(key(0), _bo, 10, 4), 4, SkipReason.PayerFrozen);
        _skipped(item(key(0), _ana, 10, 4), 4, SkipReason.PayerFrozen);
        _skipped(wideItem(key(0), _bo, 0, 2 ** 80), 2 ** 80, SkipReason.PayerFrozen);
        assertTrue(cash.isNonceAvailable(_ana, 2 ** 80), "wide nonce");
    }

    function test_aFrozenPayeeIsSkipped() public {
        freeze(_bo);
        _skipped(item(key(0), _bo, 10, 4), 4, SkipReason.PayeeFrozen);
        _skipped(wideItem(key(0), _bo, 0, 2 ** 80), 2 ** 80, SkipReason.PayeeFrozen);
        vm.prank(OFFICER);
        cash.unfreeze(_bo, "released");
        assertEq(cash.pay(item(key(0), _bo, 10, 4)), 1, "unfrozen");
    }

    function test_aPayerWithTooLittleIsSkipped() public {
        _skipped(item(key(0), _bo, 1_001, 4), 4, SkipReason.InsufficientBalance);
        _skipped(item(key(0), _ana, 1_001, 4), 4, SkipReason.InsufficientBalance);
        _skipped(item(key(0), _bo, type(uint96).max, 4), 4, SkipReason.InsufficientBalance);
        _skipped(wideItem(key(0), _bo, 1_001, 2 ** 80), 2 ** 80, SkipReason.InsufficientBalance);
        assertTrue(cash.isNonceAvailable(_ana, 2 ** 80), "wide nonce");
        assertEq(cash.pay(item(key(0), _bo, 1_000, 4)), 1, "all of it");
    }

    // ------------------------------------------------------------------------------------------------ signature

    function test_anotherPersonsSignatureIsSkipped() public {
        bytes memory signature = signedShort(key(1), _hash(_ana, _bo, 10, 4));
        _skipped(_packed(_ana, _bo, 10, 4, signature), 4, SkipReason.InvalidSignature);
    }

    function test_aForgedWideItemLeavesItsNonce() public {
        bytes memory items = wideItem(key(0), _bo, 10, 2 ** 80);
        items[184] ^= 0x01;
        _skipped(items, 2 ** 80, SkipReason.InvalidSignature);
        assertTrue(cash.isNonceAvailable(_ana, 2 ** 80), "wide nonce");
    }

    function test_theZeroSignerIsSkipped() public {
        bytes memory garbage = abi.encodePacked(bytes32(0), bytes32(0));
        _skipped(_packed(address(0), _bo, 0, 4, garbage), 4, SkipReason.PayerFrozen);
        garbage = abi.encodePacked(bytes32(type(uint256).max), bytes32(uint256(1)));
        _skipped(_packed(address(0), _bo, 0, 4, garbage), 4, SkipReason.PayerFrozen);
    }

    /// The other signature of the same key over the same hash: s' = n - s. It has no room in the short form.
    function test_theHighTwinOfASignatureIsSkipped() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(_hash(_ana, _bo, 10, 4)));
        uint256 high = SECP256K1_N - uint256(s);
        uint256 parity = uint256(v == 27 ? 1 : 0) << 255;
        _skipped(_packed(_ana, _bo, 10, 4, abi.encodePacked(r, high)), 4, SkipReason.InvalidSignature);
        _skipped(_packed(_ana, _bo, 10, 4, abi.encodePacked(r, high | parity)), 4, SkipReason.InvalidSignature);
        uint256 flipped = uint256(s) | (uint256(v == 27 ? 1 : 0) << 255);
        _skipped(_packed(_ana, _bo, 10, 4, abi.encodePacked(r, flipped)), 4, SkipReason.InvalidSignature);
        assertEq(cash.pay(_packed(_ana, _bo, 10, 4, signedShort(key(0), _hash(_ana, _bo, 10, 4)))), 1, "the low one");
    }

    function test_aSmartAccountCannotPayThisWay() public {
        address smart = address(new CredulousAccount());
        give(smart, 100);
        bytes memory signature = signedShort(key(0), _hash(smart, _bo, 10, 4));
        _skipped(_packed(smart, _bo, 10, 4, signature), 4, SkipReason.InvalidSignature);
    }

    function test_aSignatureOverAnotherDocumentIsSkipped() public {
        bytes32 authorization = Documents.authorization(
            Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, _ana, _bo, 10, 0, BEFORE, bytes32(uint256(4))
        );
        _skipped(_packed(_ana, _bo, 10, 4, signedShort(key(0), authorization)), 4, SkipReason.InvalidSignature);
    }

    function testFuzz_garbageSignaturesAreSkipped(bytes32 r, bytes32 vs) public {
        _skipped(_packed(_ana, _bo, 10, 4, abi.encodePacked(r, vs)), 4, SkipReason.InvalidSignature);
    }
}
