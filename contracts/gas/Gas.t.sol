// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {Leg} from "../src/ICash.sol";
import {Base, SignedConsent} from "../test/Base.sol";

/// Gas of whole transactions, beside the least that the same transaction could cost. Only meaningful with `--isolate`,
/// where every top-level call pays as a transaction of its own with cold slots. `scripts/gas.py` sets these figures
/// beside those of `GasPeersTest`.
contract GasTest is Base {
    /// What nobody can save: words of storage read, changed and newly filled, signatures recovered, events.
    struct Work {
        uint256 read;
        uint256 changed;
        uint256 fresh;
        uint256 signatures;
        uint256 events;
    }

    uint256 private constant AMOUNT = 12_345_678;
    uint256 private constant TRANSFER = 1_756; // an event of 3 topics and 32 bytes

    /// Sends one transaction and notes what it used, and the least it could have used (EIP-2028, EIP-2929, EIP-3529).
    function _measure(string memory what, address sender, bytes memory data, Work memory work) private {
        vm.prank(sender);
        (bool ok,) = address(cash).call(data);
        vm.snapshotGasLastCall("ours", what);
        assertTrue(ok, what);
        uint256 least = 21_000 + 2_100 * work.read + 5_000 * work.changed + 22_100 * work.fresh;
        for (uint256 i = 0; i < data.length; ++i) {
            least += data[i] == 0 ? 4 : 16;
        }
        vm.snapshotValue("floor", what, least + 3_100 * work.signatures + work.events);
    }

    function _event(uint256 topics, uint256 size) private pure returns (uint256) {
        return 375 * (topics + 1) + 8 * size;
    }

    function test_gas_transfer() public {
        give(person(0), 1e12);
        give(person(1), 1e12);
        bytes memory data = abi.encodeCall(cash.transfer, (person(1), AMOUNT));
        _measure("transfer", person(0), data, Work(1, 2, 0, 0, TRANSFER));
        data = abi.encodeCall(cash.transfer, (person(2), AMOUNT));
        _measure("transfer_new", person(0), data, Work(1, 1, 1, 0, TRANSFER));
    }

    function test_gas_transferFrom() public {
        give(person(0), 1e12);
        give(person(1), 1e12);
        vm.prank(person(0));
        cash.approve(person(3), 1e12);
        bytes memory data = abi.encodeCall(cash.transferFrom, (person(0), person(1), AMOUNT));
        _measure("transfer_from", person(3), data, Work(1, 3, 0, 0, TRANSFER + _event(0, 20)));
    }

    function test_gas_permit() public {
        give(person(0), 1e12);
        bytes32 hash = Documents.permit(person(0), person(3), AMOUNT, 0, BEFORE);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(hash));
        string memory signature = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)";
        bytes memory data = abi.encodeWithSignature(signature, person(0), person(3), AMOUNT, BEFORE, v, r, s);
        _measure("permit_first", RELAYER, data, Work(0, 1, 1, 1, TRANSFER));
    }

    function test_gas_authorization() public {
        give(person(0), 1e12);
        give(person(1), 1e12);
        uint256 events = TRANSFER + _event(3, 0);
        _authorize("authorization_window", tagged(7), Work(1, 2, 0, 1, events));
        _authorize("authorization_random", keccak256("random"), Work(1, 2, 1, 1, events));
    }

    function _authorize(string memory what, bytes32 nonce, Work memory work) private {
        bytes32 hash = Documents.authorization(
            Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, person(0), person(1), AMOUNT, 0, BEFORE, nonce
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), digestOf(hash));
        string memory signature =
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
        bytes memory data = abi.encodeWithSignature(signature, person(0), person(1), AMOUNT, 0, BEFORE, nonce, v, r, s);
        _measure(what, RELAYER, data, work);
    }

    function test_gas_pay_50() public {
        _pay("pay_50", 50);
    }

    function test_gas_pay_500() public {
        _pay("pay_500", 500);
    }

    function _pay(string memory what, uint256 count) private {
        bytes[] memory parts = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            give(person(i), 1e12);
            give(person(count + i), 1e12);
            parts[i] = item(key(i), person(count + i), AMOUNT, 3);
        }
        Work memory work = Work(1, 2 * count, 0, count, count * (TRANSFER + _event(2, 32)));
        _measure(what, RELAYER, abi.encodeCall(cash.pay, (_joined(parts))), work);
        assertEq(cash.balanceOf(person(2 * count - 1)), 1e12 + AMOUNT, "the last was paid");
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
        bytes memory data = _settleData(debtorKeys, debits, credits);
        uint256 events = debtors * TRANSFER + _event(3, 64 + 32 * debtors);
        _measure(what, RELAYER, data, Work(1, debtors + creditors, 0, debtors, events));
    }

    function _settleData(uint256[] memory debtorKeys, Leg[] memory debits, Leg[] memory credits)
        private
        view
        returns (bytes memory)
    {
        bytes32 context = keccak256("ledger root");
        bytes32 hash = settlementHash(debits, credits, context, RELAYER, BEFORE);
        SignedConsent[] memory consents = new SignedConsent[](debits.length);
        for (uint256 i = 0; i < debits.length; ++i) {
            consents[i] = SignedConsent(3, signedShort(debtorKeys[i], Documents.consent(debits[i].account, hash, 3)));
        }
        return abi.encodeCall(cash.settle, (debits, credits, packed(consents), context, RELAYER, BEFORE));
    }

    function test_gas_issuer() public {
        give(person(0), 1e12);
        give(ISSUER, 1e12);
        bytes memory data = abi.encodeCall(cash.mint, (person(0), AMOUNT, keccak256("ref 1")));
        _measure("mint", ISSUER, data, Work(2, 3, 1, 0, TRANSFER + _event(4, 32)));
        data = abi.encodeCall(cash.burn, (AMOUNT, keccak256("ref 2")));
        _measure("burn", ISSUER, data, Work(1, 2, 1, 0, TRANSFER + _event(3, 32)));
    }

    function test_gas_safety() public {
        give(person(0), 1e12);
        bytes memory data = abi.encodeWithSignature("cancelNonces(uint256)", 10);
        _measure("cancel_nonces", person(0), data, Work(0, 1, 0, 0, _event(2, 32)));
        data = abi.encodeCall(cash.freeze, (person(0), "court order"));
        _measure("freeze", OFFICER, data, Work(1, 1, 0, 0, _event(3, 32)));
    }
}
