// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Documents} from "../src/Documents.sol";
import {ICashFacts} from "../src/ICash.sol";
import {Signatures} from "../src/Signatures.sol";
import {Deal, Deals} from "./Deals.sol";
import {
    BurningAccount,
    CredulousAccount,
    ERC1271_MAGIC,
    EchoAccount,
    HungryAccount,
    SmartAccount,
    WritingAccount
} from "./SmartAccounts.sol";

/// Whose signature counts: ECDSA first, then ERC-1271 with capped gas.
contract SignaturesTest is Deals {
    bytes32 private constant DIGEST = keccak256("a digest");
    uint256 private constant HALF_N = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    function isValid(address signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return Signatures.isValid(signer, digest, signature);
    }

    function _assertValid(address signer, bytes memory signature, string memory what) private view {
        assertTrue(this.isValid(signer, DIGEST, signature), what);
    }

    function _assertInvalid(address signer, bytes memory signature, string memory what) private view {
        assertTrue(!this.isValid(signer, DIGEST, signature), what);
    }

    function _rsv(uint256 privateKey) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, DIGEST);
        return abi.encodePacked(r, s, v);
    }

    // ------------------------------------------------------------------------------------------------ ECDSA

    /// A signature that recovers to nobody is not the zero address's.
    function test_nobodyHasTheZeroAddressAsSigner() public pure {
        assertTrue(!Signatures.isByKey(address(0), DIGEST, 0, 0), "compact");
        assertTrue(!Signatures.isByKey(address(0), DIGEST, 27, 0, 0), "in three parts");
    }

    function testFuzz_bothFormsOfAKeysSignatureAreValid(uint256 privateKey, bytes32 digest) public view {
        privateKey = bound(privateKey, 1, SECP256K1_N - 1);
        address signer = vm.addr(privateKey);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
        assertTrue(this.isValid(signer, digest, abi.encodePacked(r, s, v)), "65 bytes");
        bytes32 vs = bytes32(uint256(s) | (uint256(v - 27) << 255));
        assertTrue(this.isValid(signer, digest, abi.encodePacked(r, vs)), "64 bytes");
        assertTrue(!this.isValid(signer, keccak256(abi.encode(digest)), abi.encodePacked(r, s, v)), "another digest");
        assertTrue(!this.isValid(address(uint160(signer) ^ 1), digest, abi.encodePacked(r, s, v)), "another signer");
    }

    function testFuzz_theHighTwinIsRefused(uint256 privateKey, bytes32 digest) public view {
        privateKey = bound(privateKey, 1, SECP256K1_N - 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(privateKey, digest);
        assertTrue(uint256(s) <= HALF_N, "signers make low s");
        uint8 twin = v == 27 ? 28 : 27;
        bytes32 high = bytes32(SECP256K1_N - uint256(s));
        assertEq(ecrecover(digest, twin, r, high), vm.addr(privateKey), "the precompile would take it");
        assertTrue(!this.isValid(vm.addr(privateKey), digest, abi.encodePacked(r, high, twin)), "high s");
    }

    function test_onlyTheTwoValuesOfVAreTaken() public view {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(0), DIGEST);
        for (uint256 other = 0; other < 256; ++other) {
            bytes memory signature = abi.encodePacked(r, s, uint8(other));
            assertEq(this.isValid(person(0), DIGEST, signature), other == v, "v");
        }
        assertTrue(v == 27 || v == 28, "v is 27 or 28");
    }

    function test_otherLengthsAreRefused() public view {
        bytes memory signature = _rsv(key(0));
        bytes memory long = new bytes(200);
        for (uint256 i = 0; i < 65; ++i) {
            long[i] = signature[i];
        }
        for (uint256 length = 0; length <= 200; ++length) {
            bytes memory part = new bytes(length);
            for (uint256 i = 0; i < length && i < 65; ++i) {
                part[i] = long[i];
            }
            assertEq(this.isValid(person(0), DIGEST, part), length == 65, "length");
        }
    }

    function testFuzz_theZeroSignerIsRefused(bytes32 r, bytes32 s, uint8 v) public view {
        _assertInvalid(address(0), abi.encodePacked(r, s, v), "random");
        _assertInvalid(address(0), abi.encodePacked(r, s), "random, short");
        _assertInvalid(address(0), abi.encodePacked(bytes32(0), bytes32(0), v), "nothing");
        _assertInvalid(address(0), "", "empty");
    }

    function testFuzz_garbageIsRefused(bytes memory signature) public view {
        _assertInvalid(person(0), signature, "garbage");
    }

    function test_precompilesSignNothing() public view {
        for (uint160 i = 1; i < 20; ++i) {
            _assertInvalid(address(i), abi.encodePacked(ERC1271_MAGIC), "precompile");
        }
    }

    // ------------------------------------------------------------------------------------------------ ERC-1271

    function test_aSmartAccountsOwnerSignsForIt() public {
        address smart = address(new SmartAccount(person(0)));
        _assertValid(smart, abi.encodePacked(hex"01", _rsv(key(0))), "its owner");
        _assertInvalid(smart, abi.encodePacked(hex"01", _rsv(key(1))), "another");
        _assertInvalid(smart, _rsv(key(0)), "the owner's plain signature is the owner's alone");
        _assertInvalid(smart, "", "none");
    }

    function test_anyLengthMayBeASmartAccountsSignature() public {
        address smart = address(new CredulousAccount());
        for (uint256 length = 0; length < 70; ++length) {
            _assertValid(smart, new bytes(length), "length");
        }
        _assertValid(smart, new bytes(10_000), "long");
    }

    function test_otherAnswersAreRefused() public {
        bytes32 magic = bytes32(ERC1271_MAGIC);
        _assertValid(address(new EchoAccount(32, magic, false)), "", "the magic value");
        _assertInvalid(address(new EchoAccount(32, 0, false)), "", "nothing");
        _assertInvalid(address(new EchoAccount(32, bytes32(uint256(1)), false)), "", "true");
        _assertInvalid(address(new EchoAccount(32, magic >> 224, false)), "", "on the wrong side");
        _assertInvalid(address(new EchoAccount(32, magic | bytes32(uint256(1)), false)), "", "with dirt behind");
        _assertInvalid(address(new EchoAccount(31, magic, false)), "", "too short");
        _assertInvalid(address(new EchoAccount(4, magic, false)), "", "four bytes");
        _assertInvalid(address(new EchoAccount(0, magic, false)), "", "no answer");
        _assertInvalid(address(new EchoAccount(32, magic, true)), "", "a revert with the magic value");
        _assertInvalid(address(new EchoAccount(32, 0, true)), "", "a revert");
    }

    /// An answer of nothing must not read as an older answer that still stands in memory.
    function test_anOldAnswerIsNotReadAgain() public {
        address yes = address(new EchoAccount(32, bytes32(ERC1271_MAGIC), false));
        address silent = address(new EchoAccount(0, 0, false));
        assertTrue(this.isValid(yes, DIGEST, ""), "yes");
        assertTrue(!this.isValid(silent, DIGEST, ""), "silence");
    }

    function test_aSmartAccountCannotWriteWhileAsked() public {
        WritingAccount smart = new WritingAccount();
        _assertInvalid(address(smart), "", "writing");
        assertEq(smart.asked(), 0, "asked");
    }

    function test_aSmartAccountGetsThePromisedGasAndNoMore() public {
        _assertValid(address(new HungryAccount()), "", "200,000 gas");
    }

    function test_aBurningAccountBurnsOnlyItsShare() public {
        address smart = address(new BurningAccount());
        uint256 before = gasleft();
        assertTrue(!this.isValid(smart, DIGEST, ""), "burning");
        uint256 burned = before - gasleft();
        assertTrue(burned > 200_000 && burned < 215_000, "burned");
    }

    /// 280,000 bytes cost the account nearly all it may use; copying them would cost us as much again.
    function test_aGiantAnswerIsNotCopied() public {
        address smart = address(new EchoAccount(280_000, bytes32(ERC1271_MAGIC), false));
        uint256 before = gasleft();
        assertTrue(this.isValid(smart, DIGEST, ""), "giant");
        assertTrue(before - gasleft() < 215_000, "gas");
        smart = address(new EchoAccount(280_000, 0, true));
        before = gasleft();
        assertTrue(!this.isValid(smart, DIGEST, ""), "giant revert");
        assertTrue(before - gasleft() < 215_000, "gas of the revert");
    }

    // ------------------------------------------------------------------------------------------------ EIP-7702

    function test_anAccountWithAnyCodeKeepsItsKey() public {
        vm.etch(person(0), address(new EchoAccount(32, 0, true)).code);
        _assertValid(person(0), _rsv(key(0)), "its key");
        _assertInvalid(person(0), _rsv(key(1)), "another key");
    }

    function test_aDelegatedAccountSignsWithItsKeyOrItsCode() public {
        address code = address(new SmartAccount(person(1)));
        vm.etch(person(0), abi.encodePacked(hex"ef0100", code));
        _assertValid(person(0), _rsv(key(0)), "its key");
        _assertValid(person(0), abi.encodePacked(hex"01", _rsv(key(1))), "its code");
        _assertInvalid(person(0), _rsv(key(1)), "the owner of its code, plainly");
    }

    function test_aDelegationInATransactionKeepsTheKey() public {
        address code = address(new BurningAccount());
        vm.signAndAttachDelegation(code, key(0));
        vm.prank(RELAYER);
        cash.cancelNonces(1); // carries the delegation
        assertEq(person(0).code, abi.encodePacked(hex"ef0100", code), "delegated");
        _assertValid(person(0), _rsv(key(0)), "its key");
    }

    // ------------------------------------------------------------------------------------------------ settlements with them

    function _dealBy(address smart) private returns (Deal memory deal) {
        give(smart, 1_000);
        deal = dealOf(smart, person(1), 300);
        deal.consents[0].nonce = 3;
        deal.consents[0].signature = "anything";
    }

    function test_aBurningDebtorCannotBurnTheRelayer() public {
        address smart = address(new BurningAccount());
        Deal memory deal = _dealBy(smart);
        uint256 before = gasleft();
        refuse(deal, abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, smart));
        assertTrue(before - gasleft() < 300_000, "gas");
    }

    function test_aRevertingDebtorRefusesTheSettlement() public {
        address smart = address(new EchoAccount(32, bytes32(ERC1271_MAGIC), true));
        refuse(_dealBy(smart), abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, smart));
    }

    function test_aSmartDebtorWithAGiantAnswerPays() public {
        deliver(_dealBy(address(new EchoAccount(280_000, bytes32(ERC1271_MAGIC), false))));
        assertEq(balance(1), 300, "creditor");
    }

    function test_aDebtorWithDelegatedCodeSignsWithItsKey() public {
        vm.etch(person(0), abi.encodePacked(hex"ef0100", address(new BurningAccount())));
        Deal memory deal = _dealBy(person(0));
        sign(deal, 0, key(0), 3);
        deliver(deal);
        assertEq(balance(1), 300, "creditor");
    }

    /// Every document but `Payment` may be signed by a smart account.
    function test_smartAccountsSignEveryOtherDocument() public {
        address smart = address(new SmartAccount(person(0)));
        give(smart, 1_000);
        bytes32 nonce = keccak256("n");
        cash.transferWithAuthorization(smart, person(1), 10, 0, BEFORE, nonce, _smart(_authorization(smart, 10, nonce)));
        cash.cancelAuthorization(smart, ~nonce, _smart(Documents.cancelAuthorization(smart, ~nonce)));
        cash.permit(smart, person(1), 7, BEFORE, _smart(Documents.permit(smart, person(1), 7, 0, BEFORE)));
        cash.cancelNonces(smart, 4, BEFORE, _smart(Documents.cancelNonces(smart, 4, BEFORE)));
        assertEq(balance(1), 10, "transferred");
        assertTrue(cash.authorizationState(smart, ~nonce), "cancelled");
        assertEq(cash.allowance(smart, person(1)), 7, "permitted");
        assertEq(cash.accountState(smart).windowBase, 4, "nonces cancelled");
    }

    /// The three-part forms ask a smart account with the 65 bytes r, s, v.
    function test_smartAccountsSignInTheThreePartFormsToo() public {
        address smart = address(new CredulousAccount());
        give(smart, 1_000);
        cash.transferWithAuthorization(smart, person(1), 10, 0, BEFORE, "t", 27, "r", "s");
        vm.prank(person(1));
        cash.receiveWithAuthorization(smart, person(1), 10, 0, BEFORE, "r", 27, "r", "s");
        cash.cancelAuthorization(smart, "c", 27, "r", "s");
        cash.permit(smart, person(1), 7, BEFORE, 27, "r", "s");
        assertEq(balance(1), 20, "transferred");
        assertTrue(cash.authorizationState(smart, "c"), "cancelled");
        assertEq(cash.allowance(smart, person(1)), 7, "permitted");
        smart = address(new SmartAccount(person(0)));
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, smart));
        cash.permit(smart, person(1), 7, BEFORE, 27, "r", "s");
        vm.expectRevert(abi.encodeWithSelector(ICashFacts.InvalidSignature.selector, address(0)));
        cash.permit(address(0), person(1), 7, BEFORE, 27, "r", "s");
    }

    function _smart(bytes32 structHash) private view returns (bytes memory) {
        return abi.encodePacked(hex"01", signed(key(0), structHash));
    }

    function _authorization(address from, uint256 value, bytes32 nonce) private pure returns (bytes32) {
        return Documents.authorization(
            Documents.TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from, person(1), value, 0, BEFORE, nonce
        );
    }
}
