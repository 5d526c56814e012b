// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {Leg} from "../src/ICash.sol";
import {SignedConsent} from "./Base.sol";
import {Base} from "./Base.sol";

/// Gas of whole transactions. Only meaningful with `--isolate`, where every top-level call pays as a transaction of its
/// own with cold slots.
contract GasTest is Base {
    uint256 private constant AMOUNT = 12_345_678;
    string private constant GROUP = "gas";

    function test_gas_transfer() public {
        give(person(0), 1e12);
        give(person(1), 1e12);
        vm.prank(person(0));
        cash.transfer(person(1), AMOUNT);
        vm.snapshotGasLastCall(GROUP, "transfer");
        vm.prank(person(0));
        cash.transfer(person(2), AMOUNT);
        vm.snapshotGasLastCall(GROUP, "transfer_new");
    }

    function test_gas_transferFrom() public {
        give(person(0), 1e12);
        give(person(1), 1e12);
        vm.prank(person(0));
        cash.approve(person(3), 1e12);
        vm.prank(person(3));
        cash.transferFrom(person(0), person(1), AMOUNT);
        vm.snapshotGasLastCall(GROUP, "transfer_from");
    }

    function test_gas_permit() public {
        give(person(0), 1e12);
        bytes32 hash = Documents.permit(person(0), person(3), AMOUNT, 0, BEFORE);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(hash));
        vm.prank(RELAYER);
        cash.permit(person(0), person(3), AMOUNT, BEFORE, v, r, s);
        vm.snapshotGasLastCall(GROUP, "permit_first");
    }

    function test_gas_authorization() public {
        give(person(0), 1e12);
        give(person(1), 1e12);
        _authorize(bytes32((cash.WINDOW_NONCE_TAG() << 56) | 7), "authorization_window");
        _authorize(keccak256("random"), "authorization_random");
    }

    function _authorize(bytes32 nonce, string memory what) private {
        bytes32 hash = Documents.authorization(
            Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, person(0), person(1), AMOUNT, 0, BEFORE, nonce
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(hash));
        vm.prank(RELAYER);
        cash.transferWithAuthorization(person(0), person(1), AMOUNT, 0, BEFORE, nonce, v, r, s);
        vm.snapshotGasLastCall(GROUP, what);
    }

    function test_gas_pay_50() public {
        _pay(50);
        vm.snapshotGasLastCall(GROUP, "pay_50");
    }

    function test_gas_pay_500() public {
        _pay(500);
        vm.snapshotGasLastCall(GROUP, "pay_500");
    }

    function _pay(uint256 count) private {
        bytes[] memory parts = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            give(person(i), 1e12);
            give(person(count + i), 1e12);
            parts[i] = item(key(i), person(count + i), AMOUNT, 3);
        }
        bytes memory items = _joined(parts);
        vm.prank(RELAYER);
        assertEq(cash.pay(items), count, "paid");
    }

    function _joined(bytes[] memory parts) private pure returns (bytes memory all) {
        all = new bytes(parts.length * parts[0].length);
        uint256 next = 0;
        for (uint256 i = 0; i < parts.length; ++i) {
            for (uint256 j = 0; j < parts[i].length; ++j) {
                all[next++] = parts[i][j];
            }
        }
    }

    function test_gas_settle_10_to_1() public {
        _settle(10, 1, "settle_10_to_1");
    }

    function test_gas_settle_11_to_1() public {
        _settle(11, 1, "settle_11_to_1");
    }

    function test_gas_settle_25_to_25() public {
        _settle(25, 25, "settle_25_to_25");
    }

    function _settle(uint256 debtors, uint256 creditors, string memory what) private {
        uint256[] memory debtorKeys = sortedKeys(0, debtors);
        uint256[] memory creditorKeys = sortedKeys(debtors, creditors);
        Leg[] memory debits = new Leg[](debtors);
        Leg[] memory credits = new Leg[](creditors);
        for (uint256 i = 0; i < debtors; ++i) {
            debits[i] = Leg(vm.addr(debtorKeys[i]), AMOUNT);
            give(debits[i].account, 1e12);
        }
        for (uint256 i = 0; i < creditors; ++i) {
            credits[i] = Leg(vm.addr(creditorKeys[i]), AMOUNT * debtors / creditors);
            give(credits[i].account, 1e12);
        }
        bytes32 context = keccak256("ledger root");
        bytes32 hash = settlementHash(debits, credits, context, RELAYER, BEFORE);
        SignedConsent[] memory consents = new SignedConsent[](debtors);
        for (uint256 i = 0; i < debtors; ++i) {
            consents[i] = SignedConsent(3, signedShort(debtorKeys[i], Documents.consent(hash, 3)));
        }
        vm.prank(RELAYER);
        cash.settle(debits, credits, packed(consents), context, RELAYER, BEFORE);
        vm.snapshotGasLastCall(GROUP, what);
    }

    function test_gas_issuer() public {
        give(person(0), 1e12);
        give(ISSUER, 1e12);
        vm.prank(ISSUER);
        cash.mint(person(0), AMOUNT, keccak256("ref 1"));
        vm.snapshotGasLastCall(GROUP, "mint");
        vm.prank(ISSUER);
        cash.burn(AMOUNT, keccak256("ref 2"));
        vm.snapshotGasLastCall(GROUP, "burn");
    }

    function test_gas_safety() public {
        give(person(0), 1e12);
        vm.prank(person(0));
        cash.cancelNonces(10);
        vm.snapshotGasLastCall(GROUP, "cancel_nonces");
        vm.prank(OFFICER);
        cash.freeze(person(0), "court order");
        vm.snapshotGasLastCall(GROUP, "freeze");
    }
}
